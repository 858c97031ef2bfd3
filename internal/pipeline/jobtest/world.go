// Package jobtest has a target for containers in memory, and the suite that every runner passes.
//
// [World] outlives the runners that work on it, as a real target outlives a server that is killed. It must not be used outside
// of tests.
package jobtest

import (
	"context"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
)

// Behaviour is what the containers of an image do.
type Behaviour struct {
	Output []fairlead.OutputLine // times are given when they are written
	Exit   int
	Reason string // why it ended so, such as: ran out of memory
	// NoExit tells that it ends without an exit code: it never came to run.
	NoExit bool
	// Missing tells that there is no such image; NoStart that the container cannot start, with this reason.
	Missing bool
	NoStart string
	// Waits is how many calls of MakeContainer find the image on its way.
	Waits int
	// Hold keeps the container running until the channel is closed, or it is stopped.
	Hold <-chan struct{}
	// Begin has a container that was started wait, for its pod to be made, until the channel is closed.
	Begin <-chan struct{}
	// Idle has a container stay as it was made, although it was started.
	Idle bool
	// OnStop is what a container writes when it is asked to end.
	OnStop []fairlead.OutputLine
	// Stays tells that a container which runs is neither stopped nor removed, however often it is tried.
	Stays bool
}

// World is a target in memory. Safe for concurrent use.
type World struct {
	mu          sync.Mutex
	behaviours  map[string]*Behaviour
	containers  map[string]*box
	starts      map[string]int
	made        []fairlead.Container
	unreachable bool
	changed     chan struct{}
	clock       time.Time
}

// box is a container.
type box struct {
	container fairlead.Container
	state     fairlead.ContainerState
	exit      int
	reason    string
	output    []fairlead.OutputLine
	stop      chan struct{}
}

// NewWorld returns an empty World.
func NewWorld() *World {
	return &World{behaviours: map[string]*Behaviour{}, containers: map[string]*box{}, starts: map[string]int{}, changed: make(chan struct{}),
		clock: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}
}

// Set says what the containers of an image do from now on. Others end at once with success and without output.
func (w *World) Set(image string, b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviours[image] = &b
}

// Unreachable has every call fail, or not any more.
func (w *World) Unreachable(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unreachable = is
}

// Containers are the names of what is there.
func (w *World) Containers() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.containers {
		names = append(names, name)
	}
	return names
}

// Starts is how often each container was really started, by name.
func (w *World) Starts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]int{}
	for name, n := range w.starts {
		out[name] = n
	}
	return out
}

// Made lists the containers that were ever made, in order.
func (w *World) Made() []fairlead.Container {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]fairlead.Container(nil), w.made...)
}

// Vanish removes a container, as a stranger does.
func (w *World) Vanish(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.containers, name)
	w.news()
}

// Write has a running container write lines.
func (w *World) Write(name string, lines ...fairlead.OutputLine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write(w.containers[name], lines)
}

func (w *World) write(b *box, lines []fairlead.OutputLine) {
	for i, l := range lines {
		if i%3 != 2 { // now and then two lines have the same time
			w.clock = w.clock.Add(time.Microsecond)
		}
		l.Time = w.clock
		b.output = append(b.output, l)
	}
	w.news()
}

// news wakes those who wait for something. The caller holds the lock.
func (w *World) news() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// Runner returns a new runner on the world.
func (w *World) Runner() pipeline.Runner { return runner{w} }

type runner struct{ world *World }

func (r runner) enter(ctx context.Context) (leave func(), err error) {
	r.world.mu.Lock()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case r.world.unreachable:
		err = fairlead.Errorf(fairlead.Unavailable, "the target does not answer")
	default:
		return r.world.mu.Unlock, nil
	}
	r.world.mu.Unlock()
	return func() {}, err
}

func (r runner) behaviour(image string) *Behaviour {
	b := r.world.behaviours[image]
	if b == nil {
		b = &Behaviour{}
		r.world.behaviours[image] = b
	}
	return b
}

func (r runner) MakeContainer(ctx context.Context, c fairlead.Container) (id, waits string, err error) {
	leave, err := r.enter(ctx)
	defer leave()
	if err != nil {
		return "", "", err
	}
	if r.world.containers[c.Name] != nil {
		return "id of " + c.Name, "", nil
	}
	b := r.behaviour(c.Image)
	switch {
	case b.Missing:
		return "", "", fairlead.Errorf(fairlead.Failed, "image %s is not in the registry: push it first", c.Image)
	case b.Waits > 0:
		b.Waits--
		return "", "image " + c.Image + " to arrive", nil
	}
	r.world.containers[c.Name] = &box{container: c, state: fairlead.ContainerMade, stop: make(chan struct{})}
	r.world.made = append(r.world.made, c)
	return "id of " + c.Name, "", nil
}

func (r runner) StartContainer(ctx context.Context, c fairlead.Container) error {
	leave, err := r.enter(ctx)
	defer leave()
	if err != nil {
		return err
	}
	b := r.world.containers[c.Name]
	switch {
	case b == nil || c.ID != "id of "+c.Name:
		return fairlead.Errorf(fairlead.NotFound, "container %s is gone", c.Name)
	case b.state != fairlead.ContainerMade:
		return nil
	}
	how := *r.behaviour(c.Image)
	if how.NoStart != "" {
		return fairlead.Errorf(fairlead.Failed, "container %s cannot start: %s", c.Name, how.NoStart)
	}
	if how.Idle {
		return nil
	}
	r.world.starts[c.Name]++
	if how.Begin == nil {
		r.world.run(b, how)
		return nil
	}
	b.state = fairlead.ContainerWaiting
	go func() {
		<-how.Begin
		r.world.mu.Lock()
		defer r.world.mu.Unlock()
		r.world.run(b, how)
	}()
	return nil
}

// run has a container do what it does. The caller holds the lock.
func (w *World) run(b *box, how Behaviour) {
	b.state = fairlead.ContainerRunning
	w.write(b, how.Output)
	if how.Hold == nil {
		w.ended(b, how.Exit, how.Reason)
		return
	}
	go func() {
		exit, reason := how.Exit, how.Reason
		select {
		case <-how.Hold:
		case <-b.stop:
			exit, reason = 137, ""
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if exit == 137 {
			w.write(b, how.OnStop)
		}
		w.ended(b, exit, reason)
	}()
}

func (w *World) ended(b *box, exit int, reason string) {
	b.state, b.exit, b.reason = fairlead.ContainerEnded, exit, reason
	w.news()
}

func (r runner) ContainerStatus(ctx context.Context, c fairlead.Container) (s fairlead.ContainerStatus, err error) {
	leave, err := r.enter(ctx)
	defer leave()
	if err != nil {
		return s, err
	}
	b := r.world.containers[c.Name]
	if b == nil {
		return fairlead.ContainerStatus{State: fairlead.ContainerAbsent}, nil
	}
	s.State = b.state
	if b.state == fairlead.ContainerWaiting {
		s.Reason = "its pod to be made"
	}
	if b.state == fairlead.ContainerEnded {
		s.Reason = b.reason
		if exit := b.exit; !r.behaviour(c.Image).NoExit {
			s.ExitCode = &exit
		}
	}
	return s, nil
}

func (r runner) ContainerOutput(ctx context.Context, c fairlead.Container, since time.Time, send func(fairlead.OutputLine) error) error {
	for n := 0; ; {
		leave, err := r.enter(ctx)
		if err != nil {
			leave()
			return err
		}
		b := r.world.containers[c.Name]
		if b == nil || b.state == fairlead.ContainerMade || b.state == fairlead.ContainerWaiting {
			leave()
			return nil
		}
		lines, ended, changed := b.output[n:], b.state == fairlead.ContainerEnded, r.world.changed
		n = len(b.output)
		leave()
		for _, l := range lines {
			if l.Time.Before(since) {
				continue
			}
			if err := send(l); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (r runner) StopContainer(ctx context.Context, c fairlead.Container) error {
	leave, err := r.enter(ctx)
	defer leave()
	b := r.world.containers[c.Name]
	switch {
	case err != nil:
		return err
	case b == nil || b.state != fairlead.ContainerRunning:
		return nil
	case r.behaviour(c.Image).Stays:
		return fairlead.Errorf(fairlead.Failed, "container %s cannot be stopped", c.Name)
	}
	b.end()
	return nil
}

// end asks a container that runs to end. The caller holds the lock.
func (b *box) end() {
	select {
	case <-b.stop:
	default:
		close(b.stop)
	}
}

func (r runner) RemoveContainer(ctx context.Context, c fairlead.Container) error {
	leave, err := r.enter(ctx)
	defer leave()
	if err != nil {
		return err
	}
	b := r.world.containers[c.Name]
	if b == nil {
		return nil
	}
	if b.state == fairlead.ContainerRunning && r.behaviour(c.Image).Stays {
		return fairlead.ErrDeleting
	}
	if b.state == fairlead.ContainerRunning {
		b.end()
		return fairlead.ErrDeleting
	}
	delete(r.world.containers, c.Name)
	r.world.news()
	return nil
}
