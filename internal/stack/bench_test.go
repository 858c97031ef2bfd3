package stack_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/stack"
	"github.com/fairlead/fairlead/internal/template"
)

// wide is a template of n elements, each of which needs one of those before it.
func wide(n int) string {
	list := make([]el, n)
	for i := range list {
		list[i] = el{name: fmt.Sprintf("e%d", i), value: "v"}
		if i > 0 {
			list[i].needs = []string{list[i/2].name}
		}
	}
	return source(list...)
}

// BenchmarkPlan10k parses, checks and plans a template of 10,000 elements.
func BenchmarkPlan10k(b *testing.B) {
	src := wide(10_000)
	bench := newBench(b, idle{})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, diags := template.Parse("wide.yaml", []byte(src)); diags.HasErrors() {
				b.Fatal(diags.Error())
			}
		}
	})
	b.Run("parse check plan", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			version := fmt.Sprintf("1.%d", n) // another text each time, or the parsed template would be kept
			b.StopTimer()
			bench.push("wide", version, src+fmt.Sprintf("# %d\n", n))
			b.StartTimer()
			plan, err := bench.engine.Preview(b.Context(), stack.Request{Name: "wide", Template: "wide", Version: version})
			if err != nil || len(plan.Operations) != 10_000 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkNoChange plans stacks of several sizes of which nothing changes, and fits a line through the times: slope is what an
// element costs, bend how much more one costs in the largest than in the smallest.
func BenchmarkNoChange(b *testing.B) {
	var sizes, times []float64
	for _, n := range []int{1_000, 2_500, 5_000, 10_000} {
		b.Run(fmt.Sprintf("%d elements", n), func(b *testing.B) {
			bench := newBench(b, settled{})
			bench.push("wide", "1.0", wide(n))
			bench.want(fairlead.ActionSucceeded, bench.wait(bench.engine.Create(b.Context(), stack.Request{Name: "wide", Template: "wide", Version: "1.0"})))
			b.ReportAllocs()
			for b.Loop() {
				plan, err := bench.engine.Preview(b.Context(), stack.Request{Name: "wide"})
				if err != nil || len(plan.Operations) != n || plan.Operations[n-1].Verb != fairlead.OpNone {
					b.Fatal(err, planText(plan))
				}
			}
			sizes, times = append(sizes, float64(n)), append(times, float64(b.Elapsed().Microseconds())/float64(b.N))
			slope, bend := fit(sizes, times)
			b.ReportMetric(slope, "µs/element-fitted")
			b.ReportMetric(bend, "bend")
		})
	}
}

// fit is the slope of the line of least squares, and the cost of an element in the last size by that in the first.
func fit(sizes, times []float64) (slope, bend float64) {
	var x, y, xx, xy float64
	for i := range sizes {
		x, y, xx, xy = x+sizes[i], y+times[i], xx+sizes[i]*sizes[i], xy+sizes[i]*times[i]
	}
	n, last := float64(len(sizes)), len(sizes)-1
	if d := n*xx - x*x; d > 0 {
		slope = (n*xy - x*y) / d
	}
	return slope, times[last] / sizes[last] / (times[0] / sizes[0])
}

// settled is idle, and finds what is recorded as wanted.
type settled struct{ idle }

func (settled) Plan(_ context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	if prior == nil {
		return fairlead.Change{Verb: fairlead.OpCreate, Record: fairlead.Record{Identity: map[string]string{"name": want.Name}}}, nil
	}
	return fairlead.Change{Verb: fairlead.OpNone, Record: *prior}, nil
}

// BenchmarkApply creates a stack of elements with a provider that does nothing, and deletes it.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d elements", n), func(b *testing.B) {
			bench := newBench(b, idle{})
			list := make([]el, n)
			for i := range list {
				list[i] = el{name: fmt.Sprintf("e%d", i), value: "v"}
			}
			bench.push("flat", "1.0", source(list...))
			b.ReportAllocs()
			for b.Loop() {
				bench.want(fairlead.ActionSucceeded, bench.wait(bench.engine.Create(b.Context(), stack.Request{Name: "flat", Template: "flat", Version: "1.0"})))
				b.StopTimer()
				bench.want(fairlead.ActionSucceeded, bench.wait(bench.engine.Delete(b.Context(), stack.Request{Name: "flat"})))
				b.StartTimer()
			}
		})
	}
}

// idle does nothing and finds everything healthy.
type idle struct{}

var _ stack.Provider = idle{}

func (idle) Check(template.Element) fairlead.Diagnostics { return nil }

func (idle) Plan(_ context.Context, want template.Element, prior *fairlead.Record) (fairlead.Change, error) {
	return fairlead.Change{Verb: fairlead.OpCreate, Record: fairlead.Record{Identity: map[string]string{"name": want.Name}}}, nil
}

func (idle) Apply(_ context.Context, c fairlead.Change) (fairlead.Record, error) {
	return c.Record, nil
}

func (idle) Health(context.Context, fairlead.Record) (fairlead.Health, error) {
	return fairlead.Health{State: fairlead.Healthy}, nil
}

func (idle) Read(_ context.Context, r fairlead.Record) (fairlead.Live, error) {
	return fairlead.Live{Exists: true, Properties: r.Properties}, nil
}

func (idle) Watch(context.Context, string) <-chan string { return nil }

func (idle) Delete(context.Context, fairlead.Record) error { return nil }
