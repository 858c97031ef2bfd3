package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/fairlead/fairlead"
)

// The keys of PostgreSQL's advisory locks; any numbers that nobody else takes.
const (
	writeLock   = 0x6661_6972_0001
	migrateLock = 0x6661_6972_0002
)

// channel is where servers tell each other of commits.
const channel = "fairlead"

const (
	postgresReaders = 8
	postgresLocks   = 8
	// postgresJobs are the connections of the job queue and of the server's own heartbeat.
	postgresJobs = 4
	// redial is the pause before a lost connection for news is made again.
	redial = time.Second
	// quiet is how long that connection may bring nothing before it is tried.
	quiet = 20 * time.Second
	// silence is how long what was sent to the database may stay without an acknowledgement.
	silence = 15 * time.Second
)

// postgresDB is a database that servers share. Their writing transactions follow one another as on SQLite: each holds an
// advisory lock from its begin to its end. So what a transaction has read is true until it commits, closures need not be
// repeatable, and events are numbered in the order of their commits.
type postgresDB struct {
	write *sql.DB // one connection: those who wait do so in Go and not in the database
	read  *sql.DB
	locks *sql.DB // for locks that outlast a transaction
	pool  *pgxpool.Pool
	self  string // marks our own news, which we know without being told

	endNews context.CancelFunc
	news    sync.WaitGroup
}

// guard bounds what a server that hangs or loses its network in the middle of a transaction does to the others: the database
// ends its session and with it the transaction and its lock. The user's own settings win.
func guard(cfg *pgx.ConnConfig) {
	for name, value := range map[string]string{
		"idle_in_transaction_session_timeout": "8000",
		"tcp_keepalives_idle":                 "5",
		"tcp_keepalives_interval":             "2",
		"tcp_keepalives_count":                "3",
		"application_name":                    "fairlead",
	} {
		if _, set := cfg.RuntimeParams[name]; !set {
			cfg.RuntimeParams[name] = value
		}
	}
}

func openPostgres(ctx context.Context, url string) (*postgresDB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "database URL: %w; want postgres://user:password@host:5432/database", withoutURL(err))
	}
	guard(cfg.ConnConfig)
	cfg.ConnConfig.DialFunc = dialer().DialContext
	cfg.MaxConns = postgresJobs
	p := &postgresDB{self: rand.Text(), write: connectPostgres(cfg.ConnConfig, 1), read: connectPostgres(cfg.ConnConfig, postgresReaders),
		locks: connectPostgres(cfg.ConnConfig, postgresLocks)}
	if p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, errors.Join(unavailable(err), p.close())
	}
	if err := p.ping(ctx); err != nil {
		return nil, errors.Join(unavailable(err), p.close())
	}
	return p, nil
}

// dialer makes connections that notice in time when the other end has vanished.
func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         5 * time.Second,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         boundSilence,
	}
}

// withoutURL is an error without the text that could not be parsed: it may hold a password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*pgconn.ParseConfigError](err); ok && e.Unwrap() != nil {
		return e.Unwrap()
	}
	return err
}

func connectPostgres(cfg *pgx.ConnConfig, conns int) *sql.DB {
	db := stdlib.OpenDB(*cfg.Copy())
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

func (p *postgresDB) begin(ctx context.Context) (*txn, error) {
	var conn *sql.Conn
	var tx pgx.Tx
	err := again(ctx, 1, func() (err error) { conn, tx, err = p.beginOn(ctx); return err })
	if err != nil {
		return nil, err
	}
	s := steady{conn}
	do := func(ctx context.Context, what string) error {
		_, err := s.ExecContext(ctx, what)
		return err
	}
	t := &txn{
		session: s,
		mark:    func(ctx context.Context) error { return do(ctx, "SAVEPOINT part") },
		back:    func(ctx context.Context) error { return do(ctx, "ROLLBACK TO SAVEPOINT part") },
	}
	t.rollback = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx) // fails after a commit, and then has nothing to do
		_ = conn.Close()     // gives the connection back
	})
	t.commit = func(ctx context.Context, n news) error {
		if payload := n.payload(); payload != "" {
			if _, err := s.ExecContext(ctx, `SELECT pg_notify($1, $2)`, channel, p.self+" "+payload); err != nil {
				return err
			}
		}
		return tx.Commit(ctx)
	}
	return t, nil
}

// beginOn takes the writing connection and begins on it, with the lock that makes writers follow one another.
func (p *postgresDB) beginOn(ctx context.Context) (*sql.Conn, pgx.Tx, error) {
	conn, err := p.write.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var tx pgx.Tx
	err = conn.Raw(func(raw any) error {
		c := raw.(*stdlib.Conn).Conn()
		tx, err = c.BeginTx(ctx, pgx.TxOptions{BeginQuery: fmt.Sprintf("begin; select pg_advisory_xact_lock(%d)", writeLock)})
		if err != nil && c.IsClosed() {
			return errors.Join(sqldriver.ErrBadConn, err)
		}
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, tx, nil
}

func (p *postgresDB) snapshot(ctx context.Context) (t *txn, err error) {
	opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	err = again(ctx, postgresReaders, func() (err error) { t, err = beginSQL(ctx, p.read, opts); return err })
	return t, err
}

// beginSQL starts a transaction that database/sql looks after.
func beginSQL(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (*txn, error) {
	raw, err := db.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &txn{
		session:  raw,
		commit:   func(context.Context, news) error { return raw.Commit() },
		rollback: func() { _ = raw.Rollback() }, // fails after a commit, and then has nothing to do
	}, nil
}

// again begins anew when a connection had died before anything happened, once for each connection that may have. A database
// that takes no new connections is not asked again.
func again(ctx context.Context, conns int, begin func() error) error {
	for ; ; conns-- {
		err := begin()
		_, refused := errors.AsType[*pgconn.ConnectError](err)
		if err == nil || refused || conns == 0 || ctx.Err() != nil {
			return err
		}
	}
}

func (p *postgresDB) migrating(ctx context.Context, fn func() error) error {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrateLock)); err != nil {
		return fmt.Errorf("store: wait for other servers that migrate: %w", err)
	}
	err = fn()
	_, unlock := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrateLock))
	return errors.Join(err, unlock)
}

var textType = regexp.MustCompile(`(?i)\b(AS\s+)?TEXT\b`)

// schema gives texts the order of their bytes, as they have it in SQLite and in Go, whatever the database's own order is.
func (p *postgresDB) schema(text string) string {
	return textType.ReplaceAllStringFunc(text, func(word string) string {
		if len(word) > len("TEXT") { // a cast
			return word
		}
		return word + ` COLLATE "C"`
	})
}

// arguments replaces what PostgreSQL cannot store in a text, NUL and what is not UTF-8, by the mark for such things. It comes
// from outside: messages of engines, output of programs.
func (p *postgresDB) arguments(args []any) []any {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}

func (p *postgresDB) duplicate(err error) (string, bool) {
	const uniqueViolation = "23505"
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != uniqueViolation {
		return "", false
	}
	return e.Detail, true
}

func (p *postgresDB) ping(ctx context.Context) error { return p.read.PingContext(ctx) }

func (p *postgresDB) close() error {
	if p.endNews != nil {
		p.endNews()
		p.news.Wait()
	}
	if p.pool != nil {
		p.pool.Close()
	}
	return errors.Join(p.read.Close(), p.write.Close(), p.locks.Close())
}

func (p *postgresDB) queue(db *DB) jobQueue {
	driver := &postgresDriver{riverpgxv5.New(p.pool), db.wake, newDoneJobs()}
	return &riverQueue[pgx.Tx]{db: db, driver: driver, done: driver.done, words: jobWords{
		insert: `INSERT INTO river_job (args, created_at, kind, max_attempts, queue, scheduled_at, state)
VALUES ($1::jsonb, coalesce($2, now()), $3, $4, $5, coalesce($6, now()), $7::river_job_state)`,
		args:  `CAST(args AS TEXT)`,
		stamp: func(t time.Time) any { return t },
		now:   func(time.Time) any { return nil }, // River fetches by the clock of the database
	}}
}

// postgresDriver is River's driver for pgx, except that the news of a new job comes with the other news of a commit: one
// connection listens for all.
type postgresDriver struct {
	*riverpgxv5.Driver
	wake *wakeHub
	done *doneJobs
}

func (d *postgresDriver) GetExecutor() riverdriver.Executor {
	return completer{d.Driver.GetExecutor(), d.done}
}

var _ riverdriver.Driver[pgx.Tx] = (*postgresDriver)(nil)

func (d *postgresDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &wakeListener{hub: d.wake}
}

// SupportsListener is true: the listener is ours.
func (d *postgresDriver) SupportsListener() bool { return true }

// SupportsListenNotify false keeps River from sending news of its own.
func (d *postgresDriver) SupportsListenNotify() bool { return false }

// payload is news as a line of text, empty when there is none.
func (n news) payload() string {
	words := slices.Sorted(maps.Keys(n.queues))
	if n.changed {
		words = append(words, changedWord)
	}
	return strings.Join(words, " ")
}

// changedWord stands for news to watchers among the names of queues, which have no such character.
const changedWord = "*"

func parseNews(payload string) news {
	n := news{queues: map[string]struct{}{}}
	for word := range strings.FieldsSeq(payload) {
		if word == changedWord {
			n.changed = true
			continue
		}
		n.queues[word] = struct{}{}
	}
	return n
}

// listen passes the news of all servers to tell until close, over a connection of its own that is made again when it breaks.
func (p *postgresDB) listen(log *slog.Logger, queues []string, tell func(news)) {
	ctx, end := context.WithCancel(context.Background())
	p.endNews = end
	all := news{queues: map[string]struct{}{}, changed: true}
	for _, queue := range queues {
		all.queues[queue] = struct{}{}
	}
	p.news.Go(func() {
		for {
			err := p.listenOnce(ctx, func() { tell(all) }, tell)
			if ctx.Err() != nil {
				return
			}
			log.Warn("store: the connection for news was lost; it is made again", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(redial):
			}
		}
	})
}

// listenOnce listens until the connection breaks. begun is called as soon as nothing is missed any more.
func (p *postgresDB) listenOnce(ctx context.Context, begun func(), tell func(news)) error {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // only the connection is lost
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	begun()
	for {
		n, err := waitForNews(ctx, conn)
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		if from, payload, _ := strings.Cut(n.Payload, " "); from != p.self {
			tell(parseNews(payload))
		}
	}
}

// waitForNews returns nil when there was none for a while and the connection still works.
func waitForNews(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	wait, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	n, err := conn.WaitForNotification(wait)
	if err == nil || ctx.Err() != nil || wait.Err() == nil {
		return n, err
	}
	ping, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	return nil, conn.Ping(ping)
}
