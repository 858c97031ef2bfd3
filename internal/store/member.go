package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

const (
	// beatEvery is how often a server shows that it lives.
	beatEvery = 2 * time.Second
	// deadAfter is how long another server's beat has to stand still before it is taken for dead.
	deadAfter = 8 * time.Second
	// doubtAfter is how long a server that reaches the database no more goes on with what only one may do. It is shorter than
	// deadAfter, so that it has stopped before another one starts.
	doubtAfter = 5 * time.Second
	// beatTime bounds one look at the other servers.
	beatTime = 4 * time.Second
)

// member is this server among those that share a database. It shows that it lives, takes the jobs and leases of servers that
// died, and joins anew when the others took it for dead.
//
// No clocks are compared: each server counts its beats, and the others look whether the number changes while their own
// time passes.
type member struct {
	pool  *pgxpool.Pool
	log   *slog.Logger
	jobs  jobQueue
	tell  func(news)
	last  string     // file with the name under which this data directory's server joined last
	joins sync.Mutex // held by join and leave

	end  context.CancelFunc // of the loop; nil while not joined
	done chan struct{}

	mu    sync.Mutex
	id    string // empty while not joined
	sure  context.Context
	doubt context.CancelCauseFunc // ends sure
	news  chan struct{}           // closed when id or sure change

	// Only the loop touches these.
	workers *river.Workers
	beaten  time.Time
	others  map[string]sighting
	strays  map[int64]struct{}
}

// sighting is when a beat of another server was first seen.
type sighting struct {
	beat int64
	at   time.Time
}

func newMember(p *postgresDB, log *slog.Logger, jobs jobQueue, tell func(news), dir string) *member {
	return &member{pool: p.pool, last: filepath.Join(dir, "server"), log: log, jobs: jobs, tell: tell, news: make(chan struct{})}
}

// join adds this server to the others and begins to work jobs.
func (m *member) join(ctx context.Context, workers *river.Workers) error {
	m.joins.Lock()
	defer m.joins.Unlock()
	if m.end != nil {
		return errors.New("store: jobs were started already")
	}
	m.workers = workers
	if err := m.enter(ctx); err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	m.end, m.done = end, make(chan struct{})
	go func() {
		defer close(m.done)
		m.run(life)
	}()
	return nil
}

// leave stops the jobs and tells the others that this server is gone. Twice is fine.
func (m *member) leave(ctx context.Context) error {
	m.joins.Lock()
	defer m.joins.Unlock()
	if m.end == nil {
		return nil
	}
	m.end()
	<-m.done
	m.end = nil
	err := m.jobs.stop(ctx)
	id := m.name()
	m.set("")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatTime)
	defer cancel()
	return errors.Join(err, m.bury(ctx, id))
}

// enter writes this server down under a new name and begins to work jobs under it.
func (m *member) enter(ctx context.Context) error {
	if err := m.buryLast(ctx); err != nil {
		return err
	}
	id := uuid.NewString()
	if err := os.WriteFile(m.last, []byte(id), 0o600); err != nil {
		return fmt.Errorf("store: write down the name of this server: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	const q = `INSERT INTO servers (id, name, started_at, beat) VALUES ($1, $2, $3, 1)`
	if _, err := m.pool.Exec(ctx, q, id, host, Time(time.Now())); err != nil {
		return unavailable(err)
	}
	m.beaten, m.others, m.strays = time.Now(), map[string]sighting{}, map[int64]struct{}{}
	if err := m.jobs.start(ctx, id, m.workers); err != nil {
		return err
	}
	m.set(id) // now those who hold something may go on
	return nil
}

// buryLast takes back at once what the last life of this server left: whoever has its data directory knows that it is over.
func (m *member) buryLast(ctx context.Context) error {
	id, err := os.ReadFile(m.last)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: read the name of the last server: %w", err)
	}
	if err := m.bury(ctx, string(id)); err != nil {
		return unavailable(err)
	}
	return nil
}

func (m *member) name() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}

// set changes the name of this server and whether it may do what only one may do; the empty name may do nothing.
func (m *member) set(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id = id
	if m.doubt != nil {
		m.doubt(errLeaseLost)
		m.doubt = nil
	}
	if id != "" {
		m.sure, m.doubt = context.WithCancelCause(context.Background())
	}
	close(m.news)
	m.news = make(chan struct{})
}

func (m *member) run(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.beat(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("store: this server could not show that it lives", "error", err)
			clear(m.others) // what was seen before the trouble says nothing about the others
		}
		m.mind()
	}
}

// mind gives up what only one server may do as soon as another one may believe that this one is dead.
func (m *member) mind() {
	id := m.name()
	inDoubt := time.Since(m.beaten) > doubtAfter
	m.mu.Lock()
	sure := m.doubt != nil
	m.mu.Unlock()
	switch {
	case inDoubt && sure:
		m.mu.Lock()
		m.doubt(errLeaseLost)
		m.doubt = nil
		m.mu.Unlock()
	case !inDoubt && !sure && id != "":
		m.set(id)
	}
}

// beat shows that this server lives, and looks after the others.
func (m *member) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	id, begun := m.name(), time.Now()
	tag, err := m.pool.Exec(ctx, `UPDATE servers SET beat = beat + 1 WHERE id = $1`, id)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return m.rejoin(ctx)
	}
	m.beaten = begun
	dead, err := m.look(ctx, id)
	if err != nil {
		return err
	}
	for _, other := range dead {
		m.log.Warn("store: a server has died; its work goes on here", "server", other)
		if err := m.bury(ctx, other); err != nil {
			return err
		}
	}
	return m.collect(ctx, id)
}

// rejoin begins anew after the others took this server for dead, and its jobs with it.
func (m *member) rejoin(ctx context.Context) error {
	m.log.Error("store: the other servers took this one for dead; it joins again")
	m.set("")
	if err := m.jobs.stop(ctx); err != nil {
		return err
	}
	return m.enter(ctx)
}

// look returns the servers whose beat stands still.
func (m *member) look(ctx context.Context, self string) (dead []string, err error) {
	rows, err := m.pool.Query(ctx, `SELECT id, beat FROM servers WHERE id <> $1`, self)
	if err != nil {
		return nil, err
	}
	seen := map[string]sighting{}
	var id string
	var beat int64
	_, err = pgx.ForEachRow(rows, []any{&id, &beat}, func() error {
		s, known := m.others[id]
		if !known || s.beat != beat {
			s = sighting{beat, time.Now()}
		}
		if time.Since(s.at) > deadAfter {
			dead = append(dead, id)
		}
		seen[id] = s
		return nil
	})
	m.others = seen
	return dead, err
}

// bury removes a server with its leases, and takes from it the office that River gives to one of its clients.
func (m *member) bury(ctx context.Context, id string) error {
	if _, err := m.pool.Exec(ctx, `DELETE FROM servers WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := m.pool.Exec(ctx, `DELETE FROM river_leader WHERE leader_id = $1`, id); err != nil {
		return err
	}
	return m.takeBack(ctx)
}

// takeBack makes the jobs available that servers worked which are no more.
func (m *member) takeBack(ctx context.Context) error {
	const q = `UPDATE river_job SET state = 'available' WHERE state = 'running'
AND NOT EXISTS (SELECT 1 FROM servers WHERE id = attempted_by[array_upper(attempted_by, 1)])`
	tag, err := m.pool.Exec(ctx, q)
	if err == nil && tag.RowsAffected() > 0 {
		m.wakeAll()
	}
	return err
}

// collect makes the jobs available that count as running and that nobody works: those of servers that are gone, and those
// that this server fetched without getting to know of it, because the connection broke. The latter have to be found twice:
// between its end and the commit of its end a job looks the same.
func (m *member) collect(ctx context.Context, self string) error {
	if err := m.takeBack(ctx); err != nil {
		return err
	}
	const q = `SELECT id FROM river_job WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`
	rows, err := m.pool.Query(ctx, q, self)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	strays := map[int64]struct{}{}
	for _, id := range ids {
		if m.jobs.working(id) {
			continue
		}
		if _, again := m.strays[id]; !again {
			strays[id] = struct{}{}
			continue
		}
		const back = `UPDATE river_job SET state = 'available' WHERE id = $1 AND state = 'running'`
		if _, err := m.pool.Exec(ctx, back, id); err != nil {
			return err
		}
		m.wakeAll()
	}
	m.strays = strays
	return nil
}

func (m *member) wakeAll() {
	n := news{queues: map[string]struct{}{}}
	for _, queue := range jobQueues() {
		n.queues[queue] = struct{}{}
	}
	m.tell(n)
}
