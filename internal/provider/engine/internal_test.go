package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestFenceposts(t *testing.T) {
	p := func(s string) *intstr.IntOrString {
		if s == "" {
			return nil
		}
		v := intstr.Parse(s)
		return &v
	}
	tests := []struct {
		surge, unavailable             string
		replicas, wantSurge, wantUnava int
	}{
		{"", "", 1, 1, 0},
		{"", "", 4, 1, 1},
		{"", "", 10, 3, 2},
		{"0", "0", 3, 0, 1},
		{"50%", "50%", 3, 2, 1},
		{"2", "1", 10, 2, 1},
		{"0%", "1", 1, 0, 1},
		{"nonsense", "nonsense", 4, 1, 1},
	}
	for _, tt := range tests {
		s, u := fenceposts(p(tt.surge), p(tt.unavailable), tt.replicas)
		if s != tt.wantSurge || u != tt.wantUnava {
			t.Errorf("%d replicas, surge %q, unavailable %q: %d and %d, want %d and %d", tt.replicas, tt.surge, tt.unavailable, s, u, tt.wantSurge, tt.wantUnava)
		}
	}
}

// read makes instances from words: c current or o old, the index, then r ready, d done, f failed, l leaving.
func read(s string) []instance {
	var out []instance
	for _, w := range strings.Fields(s) {
		out = append(out, instance{current: w[0] == 'c', index: int(w[1] - '0'), ready: strings.Contains(w[2:], "r"), done: strings.Contains(w[2:], "d"),
			failed: strings.Contains(w[2:], "f"), leaving: strings.Contains(w[2:], "l")})
	}
	return out
}

func TestRollout(t *testing.T) {
	roll := func(replicas, surge, unavailable int) workload {
		return workload{replicas: replicas, surge: surge, unavailable: unavailable}
	}
	job := workload{completions: 3, parallelism: 2, backoff: 1}
	tests := []struct {
		name, kind string
		w          workload
		have, want string // want: +index makes, -index removes
	}{
		{"first", kindDeployment, roll(2, 1, 0), "", "+0 +1"},
		{"waits", kindDeployment, roll(2, 1, 0), "c0 c1r", ""},
		{"settled", kindDeployment, roll(2, 1, 0), "c0r c1r", ""},
		{"new before old", kindDeployment, roll(1, 1, 0), "o0r", "+0"},
		{"new not ready", kindDeployment, roll(1, 1, 0), "o0r c0", ""},
		{"old goes", kindDeployment, roll(1, 1, 0), "o0r c0r", "-0"},
		{"old is gone soon", kindDeployment, roll(1, 1, 0), "o0rl c0r", ""},
		{"surge only", kindDeployment, roll(3, 1, 0), "o0r o1r o2r", "+0"},
		{"one for one", kindDeployment, roll(3, 1, 0), "o0r o1r o2r c0r", "-0"},
		{"next after the first left", kindDeployment, roll(3, 1, 0), "o1r o2r c0r", "+1"},
		{"broken old ones go at once", kindDeployment, roll(3, 1, 1), "o0 o1r o2r", "+0 -0"},
		{"no surge", kindDeployment, roll(2, 0, 1), "o0r o1r", "-0"},
		{"scale up", kindDeployment, roll(3, 1, 0), "c0r", "+1 +2"},
		{"scale down, the unready first", kindDeployment, roll(1, 1, 0), "c0r c1 c2r", "-1 -2"},
		{"to nothing", kindDeployment, roll(0, 0, 1), "c0r", "-0"},
		{"hole", kindDeployment, roll(2, 1, 0), "c1r", "+0"},
		{"recreate removes first", kindDeployment, workload{replicas: 2, recreate: true}, "o0r o1r", "-0 -1"},
		{"recreate waits", kindDeployment, workload{replicas: 2, recreate: true}, "o0rl", ""},
		{"recreate makes", kindDeployment, workload{replicas: 2, recreate: true}, "", "+0 +1"},
		{"set in order", kindStatefulSet, workload{replicas: 3, ordered: true}, "", "+0"},
		{"set waits for the first", kindStatefulSet, workload{replicas: 3, ordered: true}, "c0", ""},
		{"set second", kindStatefulSet, workload{replicas: 3, ordered: true}, "c0r", "+1"},
		{"set in parallel", kindStatefulSet, workload{replicas: 3}, "", "+0 +1 +2"},
		{"set updates the last first", kindStatefulSet, workload{replicas: 3, ordered: true}, "o0r o1r o2r", "-2"},
		{"set makes it again", kindStatefulSet, workload{replicas: 3, ordered: true}, "o0r o1r", "+2"},
		{"set waits for the new one", kindStatefulSet, workload{replicas: 3, ordered: true}, "o0r o1r c2", ""},
		{"set goes on", kindStatefulSet, workload{replicas: 3, ordered: true}, "o0r o1r c2r", "-1"},
		{"set repairs a broken old one", kindStatefulSet, workload{replicas: 2, ordered: true}, "o0 o1r", "-0"},
		{"set waits while one leaves", kindStatefulSet, workload{replicas: 2, ordered: true}, "o0r o1rl", ""},
		{"set shrinks from the end", kindStatefulSet, workload{replicas: 1, ordered: true}, "c0r c1r c2r", "-2"},
		{"job starts", kindJob, job, "", "+0 +1"},
		{"job goes on", kindJob, job, "c0d c1", "+2"},
		{"job is done", kindJob, job, "c0d c1d c2d", ""},
		{"job tries again", kindJob, job, "c0f", "+1 +2"},
		{"job gives up", kindJob, job, "c0f c1f", ""},
		{"job of before goes", kindJob, job, "o0d", "+0 +1 -0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			have := read(tt.have)
			s := tt.w.next(tt.kind, have)
			var got []string
			for _, i := range s.create {
				got = append(got, fmt.Sprintf("+%d", i))
			}
			for _, pos := range s.remove {
				got = append(got, fmt.Sprintf("-%d", have[pos].index))
			}
			slices.Sort(got)
			want := strings.Fields(tt.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// TestRolloutEnds plays rollouts to their end, with new pods becoming ready one by one, and watches the limits.
func TestRolloutEnds(t *testing.T) {
	for replicas := range 8 {
		for surge := range 3 {
			for unavailable := range 3 {
				if surge+unavailable == 0 {
					continue
				}
				w := workload{replicas: replicas, surge: surge, unavailable: unavailable}
				var have []instance
				for i := range replicas {
					have = append(have, instance{index: i, ready: true})
				}
				for range 100 {
					s := w.next(kindDeployment, have)
					slices.Sort(s.remove)
					for _, pos := range slices.Backward(s.remove) {
						have = slices.Delete(have, pos, pos+1)
					}
					for _, i := range s.create {
						have = append(have, instance{index: i, current: true})
					}
					ready := len(slices.DeleteFunc(slices.Clone(have), func(i instance) bool { return !i.ready }))
					if ready < replicas-unavailable || len(have) > replicas+surge {
						t.Fatalf("%d replicas, surge %d, unavailable %d: %d ready of %d", replicas, surge, unavailable, ready, len(have))
					}
					if i := slices.IndexFunc(have, func(i instance) bool { return !i.ready }); i >= 0 {
						have[i].ready = true
					} else if s.empty() {
						break
					}
				}
				if slices.ContainsFunc(have, func(i instance) bool { return !i.current }) || len(have) != replicas {
					t.Errorf("%d replicas, surge %d, unavailable %d ended with %+v", replicas, surge, unavailable, have)
				}
			}
		}
	}
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"A": "1", "B": "two"}
	for in, want := range map[string]string{
		"": "", "plain": "plain", "$(A)-$(B)": "1-two", "$(MISSING)": "$(MISSING)", "$$(A)": "$(A)", "$$$(A)": "$1", "$A": "$A", "end$": "end$", "$(A": "$(A",
	} {
		if got := expand(in, vars); got != want {
			t.Errorf("expand %q: %q, want %q", in, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	yes := true
	cfg := configs{{kindConfigMap, "c"}: {"A": []byte("1"), "B": []byte("2")}, {kindSecret, "s"}: {"PW": []byte("pw")}}
	key := func(k string, optional *bool) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, Key: k, Optional: optional}}
	}
	c := &corev1.Container{Name: "x",
		EnvFrom: []corev1.EnvFromSource{
			{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}}}},
		Env: []corev1.EnvVar{{Name: "P_A", Value: "over"}, {Name: "ALL", Value: "$(P_A) $(P_B) $(PW)"}, {Name: "K", ValueFrom: key("B", nil)}, {Name: "NONE", ValueFrom: key("X", &yes)},
			{Name: "ME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			{Name: "L", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['app']"}}}}}
	got, err := environment(c, cfg, facts{name: "pod-0", labels: map[string]string{"app": "web"}})
	want := []string{"P_A=over", "P_B=2", "PW=pw", "ALL=over 2 pw", "K=2", "ME=pod-0", "L=web"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: "BAD", ValueFrom: key("X", nil)})
	if _, err := environment(c, cfg, facts{}); err == nil || !strings.Contains(err.Error(), `key "X" of ConfigMap c`) {
		t.Errorf("error %v, want one that names the key", err)
	}
}

func TestBoundedNames(t *testing.T) {
	long := strings.Repeat("x", 200)
	if a, b := boundedTo(63, long, "1"), boundedTo(63, long, "2"); a == b || len(a) != 63 {
		t.Errorf("%q and %q", a, b)
	}
	if got := bounded("商店", "default", "web"); strings.ContainsFunc(got, func(r rune) bool { return r > 127 }) || got == "" {
		t.Errorf("%q", got)
	}
	if got := bounded("shop", "default", "web", "0"); got != "shop-default-web-0" {
		t.Errorf("%q", got)
	}
}

func TestServiceTranslatesOnlyWhereThePortsDiffer(t *testing.T) {
	s := &service{owner: owner{scope: scope{namespace: "ns"}, name: "db"}, Ports: []servicePort{{Protocol: "tcp", Port: 80, Target: "http"}}}
	if f := s.forwarding(map[string]int{"http": 80}); f.cmd != nil || f.waits != "" {
		t.Errorf("same port: %+v", f)
	}
	f := s.forwarding(map[string]int{"http": 8080})
	if got := strings.Join(f.cmd, " "); got != "--listen :80/tcp --to db-endpoints:8080" || f.aliases[0] != "db" {
		t.Errorf("other port: %s, aliases %v", got, f.aliases)
	}
	s.Publish = "NodePort"
	if f := s.forwarding(nil); f.waits == "" || f.cmd != nil {
		t.Errorf("unknown name: %+v", f)
	}
	s.Publish, s.Headless = "", true
	if f := s.forwarding(map[string]int{"http": 8080}); f.cmd != nil {
		t.Errorf("headless: %+v", f)
	}
}

func TestNamesOnTheEngine(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123"
	for ref, want := range map[string]string{
		"team/web:1.0":           ownPrefix + "team/web:1.0-0123456789abcdef",
		"team/web@" + digest:     ownPrefix + "team/web:0123456789abcdef",
		"team/web:1.0@" + digest: ownPrefix + "team/web:0123456789abcdef",
		"team/web":               ownPrefix + "team/web:latest-0123456789abcdef",
	} {
		if got := localName(ref, digest); got != want {
			t.Errorf("%s is %s, want %s", ref, got, want)
		}
	}
}

func TestStuck(t *testing.T) {
	made := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) *time.Time { v := made.Add(time.Duration(minutes) * time.Minute); return &v }
	one := tally{current: 1, newest: made}
	tests := []struct {
		name  string
		t     tally
		begun *time.Time
		limit time.Duration
		now   int // minutes after the container was made
		want  bool
	}{
		{"in time", one, at(-1), 10 * time.Minute, 9, false},
		{"over", one, at(-1), 10 * time.Minute, 11, true},
		{"over, and no operation works on it", one, nil, 10 * time.Minute, 11, true},
		{"a retry has its own time", one, at(60), 10 * time.Minute, 61, false},
		{"which ends too", one, at(60), 10 * time.Minute, 71, true},
		{"no limit", one, at(-1), 0, 1000, false},
		{"no container", tally{}, at(-1), time.Minute, 1000, false},
	}
	for _, tt := range tests {
		if got := tt.t.stuck(tt.begun, tt.limit, *at(tt.now)); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
