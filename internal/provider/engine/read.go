package engine

import (
	"context"

	"github.com/fairlead/fairlead"
)

// Read looks at what the record names. An engine's containers do not tell the properties that they were made from, so what
// differs is told in words.
func (p *Provider) Read(ctx context.Context, rec fairlead.Record) (fairlead.Live, error) {
	m, o, err := p.understand(rec)
	if err != nil {
		return fairlead.Live{}, err
	}
	if m.data != nil { // it is nowhere but in the record
		return fairlead.Live{Exists: true, Properties: rec.Properties}, nil
	}
	verb, reason, err := p.compare(ctx, m, o, rec, &rec)
	switch {
	case err != nil:
		return fairlead.Live{}, p.wrap("element "+rec.Element, err)
	case verb == fairlead.OpCreate:
		return fairlead.Live{Reason: reason}, nil
	case verb != fairlead.OpNone && reason == "":
		reason = "it is not as recorded"
	}
	return fairlead.Live{Exists: true, Reason: reason}, nil
}

// Watch returns nil: an engine is asked.
func (p *Provider) Watch(context.Context, string) <-chan string { return nil }
