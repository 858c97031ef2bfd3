package kubernetes_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/pipeline/jobtest"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// script is what the containers of the suite do, as words for a shell: how many lines, exit code, whether it stays.
const script = `[ "$3" = true ] && trap "echo stopped; exit 143" TERM
i=1
while [ $i -le "$1" ]; do
	if [ $((i % 3)) = 0 ]; then echo "line $i" >&2; else echo "line $i"; fi
	i=$((i + 1))
done
while [ "$3" = true ]; do sleep 0.1; done
exit "$2"`

// shell is a container whose pod the cluster's node really runs, as a process.
func (w *world) shell(text string, args ...string) fairlead.Container {
	return fairlead.Container{Name: kubetest.Name("job"), For: "a test", Image: "demo/script:1", Target: "cluster", Namespace: w.namespace,
		Command: []string{"/bin/sh", "-c", text, "sh"}, Args: args}
}

// TestRunnerConformance has a real API server and controllers. What a kubelet reports of containers that never run is tested below.
func TestRunnerConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jobtest.Exercise(t, jobtest.Suite{
		New: func(t *testing.T) pipeline.Runner { return w.another(t) },
		Container: func(_ *testing.T, s jobtest.Script) fairlead.Container {
			c := w.shell(script, fmt.Sprint(s.Lines), fmt.Sprint(s.Exit), fmt.Sprint(s.Stay))
			c.CPU, c.Memory = "500m", "64Mi"
			return c
		},
		Missing:   "demo/missing:1",
		Patient:   true,
		OneStream: true,
	})
}

// TestOutputIsFollowed reads the output of a pod while it is written, from a time on, and to its end.
func TestOutputIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	gate := filepath.Join(t.TempDir(), "gate")
	c := w.shell(`echo "$(expr 1 + 1) $WORD $TOKEN"; until [ -e "$1" ]; do sleep 0.05; done; echo after; exit 3`, gate)
	c.Env, c.SecretEnv = map[string]string{"WORD": "$(A)", "TOKEN": "s3cr$(A)t"}, []string{"TOKEN"}
	id, _, err := w.provider.MakeContainer(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	c.ID = id
	defer eventually(t, func() (bool, string) {
		err := w.provider.RemoveContainer(context.WithoutCancel(ctx), c)
		return err == nil, fmt.Sprint(err)
	})
	if o, err := w.resource("batch", "v1", "jobs").Get(ctx, c.Name, metav1.GetOptions{}); err != nil || strings.Contains(fmt.Sprint(o.Object), "s3cr") {
		t.Errorf("the Job shows the secret: %v, %v", o, err)
	}
	if err := w.provider.StartContainer(ctx, c); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (bool, string) {
		s, err := w.provider.ContainerStatus(ctx, c)
		return s.State == fairlead.ContainerRunning, fmt.Sprint(s, err)
	})
	var lines []fairlead.OutputLine
	read := func(since time.Time, until string) {
		t.Helper()
		within, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		lines = nil
		err := w.provider.ContainerOutput(within, c, since, func(l fairlead.OutputLine) error {
			if lines = append(lines, l); l.Text == until {
				return os.WriteFile(gate, nil, 0o600)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const first = "2 $(A) s3cr$(A)t"
	read(time.Time{}, first)
	if len(lines) != 2 || lines[0].Text != first || lines[1].Text != "after" || lines[0].Stream != fairlead.Stdout {
		t.Fatalf("followed: %v", lines)
	}
	last := lines[1]
	if s, err := w.provider.ContainerStatus(ctx, c); err != nil || s.ExitCode == nil || *s.ExitCode != 3 {
		t.Errorf("status %+v, %v", s, err)
	}
	if read(last.Time, ""); len(lines) != 1 || lines[0] != last {
		t.Errorf("from the last line on: %v", lines)
	}
}

func TestJobIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := fairlead.Container{Name: "job-x", Namespace: w.namespace, Image: "demo/web:1", For: "a test", Command: []string{"/run", "$(A)"}, Args: []string{"$$"}, Env: map[string]string{"A": "b"}, Memory: "64Mi", ServiceAccount: "default"}
	id, _, err := w.provider.MakeContainer(t.Context(), c)
	if err != nil || id == "" {
		t.Fatal(err)
	}
	c.ID = id
	o, err := w.resource("batch", "v1", "jobs").Get(t.Context(), c.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(o.Object["spec"])
	for _, want := range []string{"suspend:true", "backoffLimit:0", "[/run $$(A)]", "[$$$$]", "memory:64Mi", "serviceAccountName:default", "restartPolicy:Never"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	other := c
	other.ID = "another"
	if s, err := w.provider.ContainerStatus(t.Context(), other); err != nil || s.State != fairlead.ContainerAbsent {
		t.Errorf("a Job of the same name that is another: %+v, %v", s, err)
	}
	eventually(t, func() (bool, string) {
		err := w.provider.RemoveContainer(t.Context(), c)
		return err == nil, fmt.Sprint(err)
	})
}

func TestPodStatus(t *testing.T) {
	t.Parallel()
	box := func(phase corev1.PodPhase, s corev1.ContainerState) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "job", Image: "demo/web:1", State: s}}}}
	}
	ended := func(code int32, reason, message string) *corev1.Pod {
		return box(corev1.PodFailed, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}})
	}
	waits := func(reason string) *corev1.Pod {
		return box(corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}})
	}
	for name, tt := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"success":          {ended(0, "Completed", ""), "ended 0 "},
		"an exit code":     {ended(3, "Error", "text"), "ended 3 "},
		"no memory":        {ended(137, "OOMKilled", ""), "ended 137 ran out of memory, of which it may have 64Mi, and was killed"},
		"no such program":  {ended(128, "StartError", "exec: no such file"), "ended 128 could not run: StartError exec: no such file"},
		"a running one":    {box(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}), "running - "},
		"a failed pull":    {waits("ErrImagePull"), "waiting - ErrImagePull demo/web:1"},
		"an image missing": {waits("ImagePullBackOff"), "waiting - ImagePullBackOff demo/web:1"},
		"no such Secret":   {waits("CreateContainerConfigError"), "waiting - CreateContainerConfigError container job:"},
		"no such mount":    {waits("CreateContainerError"), "waiting - CreateContainerError container job:"},
		"no name":          {waits("InvalidImageName"), "ended - cannot start: InvalidImageName demo/web:1"},
		"never pulled":     {waits("ErrImageNeverPull"), "ended - cannot start: ErrImageNeverPull demo/web:1"},
		"one on its way":   {box(corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}), "waiting - pods are starting"},
		"an evicted one":   {&corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "disk"}}, "ended - did not run to its end: Evicted disk"},
	} {
		s := kubernetes.PodStatus(tt.pod, fairlead.Container{Memory: "64Mi"})
		code := "-"
		if s.ExitCode != nil {
			code = fmt.Sprint(*s.ExitCode)
		}
		if got := fmt.Sprintf("%s %s %s", s.State, code, s.Reason); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestReadLines(t *testing.T) {
	t.Parallel()
	in := "2026-11-26T10:00:00.1Z before\n2026-11-26T10:00:01.000000001Z one\n2026-11-26T10:00:01.000000002Z \n2026-11-26T10:00:02Z " + strings.Repeat("x", 70<<10) + "\n2026-11-26T10:00:03Z last"
	var got []string
	err := kubernetes.ReadLines(strings.NewReader(in), time.Date(2026, 11, 26, 10, 0, 1, 0, time.UTC), func(l fairlead.OutputLine) error {
		got = append(got, l.Text[:min(len(l.Text), 5)])
		return nil
	})
	if text := strings.Join(got, ","); text != "one,,xxxxx,last" || err != nil {
		t.Errorf("lines %s, %v", text, err)
	}
}
