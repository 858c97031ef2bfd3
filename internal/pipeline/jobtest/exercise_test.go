package jobtest_test

import (
	"fmt"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
)

func TestFakePassesTheSuite(t *testing.T) {
	w := jobtest.NewWorld()
	w.Set("missing:1", jobtest.Behaviour{Missing: true})
	images := 0
	jobtest.Exercise(t, jobtest.Suite{
		New: func(*testing.T) pipeline.Runner { return w.Runner() },
		Container: func(_ *testing.T, s jobtest.Script) fairlead.Container {
			images++
			b := jobtest.Behaviour{Exit: s.Exit}
			for i := 1; i <= s.Lines; i++ {
				l := fairlead.OutputLine{Stream: fairlead.Stdout, Text: jobtest.Line(i)}
				if i%3 == 0 {
					l.Stream = fairlead.Stderr
				}
				b.Output = append(b.Output, l)
			}
			if s.Stay {
				b.Hold = make(chan struct{})
				b.OnStop = []fairlead.OutputLine{{Stream: fairlead.Stdout, Text: jobtest.LastLine}}
			}
			image := fmt.Sprintf("suite:%d", images)
			w.Set(image, b)
			return fairlead.Container{Image: image, Target: "local", Namespace: "default"}
		},
		Missing: "missing:1",
	})
	for name, n := range w.Starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	if left := w.Containers(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
