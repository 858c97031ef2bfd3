package template

import "sync"

// Pass is one making of a plan. A provider keeps in it what it looks up once for many elements, and asks it how much to try. A
// nil Pass looks everything up each time and tries everything. Safe for concurrent use.
type Pass struct {
	// Sparing makes the plan with few calls: of many new resources of one sort only the first is tried on the target.
	Sparing bool

	mu    sync.Mutex
	tried map[string]bool
	found map[any]*lookup
}

type lookup struct {
	once  sync.Once
	value any
	err   error
}

// Tries tells whether a new resource of a sort is to be tried on the target before the plan is carried out.
func (p *Pass) Tries(sort string) bool {
	if p == nil || !p.Sparing {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tried[sort] {
		return false
	}
	if p.tried == nil {
		p.tried = map[string]bool{}
	}
	p.tried[sort] = true
	return true
}

// Once returns what look found the first time that it was called with a key; keys are compared as in maps.
func (p *Pass) Once(key any, look func() (any, error)) (any, error) {
	if p == nil {
		return look()
	}
	p.mu.Lock()
	l := p.found[key]
	if l == nil {
		if p.found == nil {
			p.found = map[any]*lookup{}
		}
		l = &lookup{}
		p.found[key] = l
	}
	p.mu.Unlock()
	l.once.Do(func() { l.value, l.err = look() })
	return l.value, l.err
}
