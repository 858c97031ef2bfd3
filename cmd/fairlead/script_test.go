package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/provider/engine"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// The scripts in testdata/script run the program as a user does. Those that need a server say `server`, which starts the
// real one in this process, on a port of its own with an empty data directory.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fairlead": func() { os.Exit(run()) }})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("TZ", "UTC")
			env.Setenv("CLUSTER", os.Getenv(kubetest.Variable))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":  cmdExits,
			"json":   cmdJSON,
			"push":   cmdPush,
			"server": cmdServer,
			// namespace makes a namespace that is deleted at the end, and puts its name into NAMESPACE.
			"namespace": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("NAMESPACE", kubetest.Namespace(t)) },
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "engine":
				return haveEngine(t), nil
			case "cluster":
				return haveCluster(t), nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
	})
}

// haveEngine reports whether a container engine answers. Scripts that need one are skipped without, unless that was
// forbidden.
func haveEngine(t *testing.T) bool {
	_, ok := engine.Discover(t.Context())
	if !ok && os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
		t.Error("no container engine answers, and FAIRLEAD_TEST_REQUIRE says that one is there")
	}
	return ok
}

// haveCluster reports whether there is a Kubernetes cluster for tests.
func haveCluster(t *testing.T) bool {
	have := os.Getenv(kubetest.Variable) != ""
	if !have && os.Getenv("FAIRLEAD_TEST_REQUIRE") == "1" {
		t.Errorf("%s is not set, and FAIRLEAD_TEST_REQUIRE says that a cluster is there", kubetest.Variable)
	}
	return have
}

const scriptPassword = "correct horse battery"

// cmdServer starts a server that lives as long as the script, and puts its address into SERVER: server, or server signin
// to be signed in as its administrator.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	signin := len(args) == 1 && args[0] == "signin"
	if neg || len(args) > 0 && !signin {
		ts.Fatalf("usage: server [signin]")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := NewServer(ctx, ServerConfig{Data: ts.MkAbs("data"), Listen: "127.0.0.1:0", AdminPassword: scriptPassword})
	if err != nil {
		cancel()
		ts.Fatalf("server: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	ts.Defer(func() {
		cancel()
		ts.Check(<-ended)
	})
	ts.Setenv("SERVER", s.URL())
	if !signin {
		return
	}
	c, err := client.New(client.Config{URL: s.URL()})
	ts.Check(err)
	session, err := c.Login(ctx, adminUser, scriptPassword)
	ts.Check(err)
	a := &app{env: ts.Getenv}
	ts.Check(a.remember(login{URL: s.URL(), User: adminUser, Token: session.Token}))
}

// cmdPush pushes an image of some bytes into the script's server: push ORG/REPO:TAG.
func cmdPush(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: push ORG/REPO:TAG")
	}
	img, err := random.Image(1000, 2)
	ts.Check(err)
	host := strings.TrimPrefix(ts.Getenv("SERVER"), "http://")
	ref, err := name.ParseReference(host+"/"+args[0], name.Insecure)
	ts.Check(err)
	ts.Check(remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: adminUser, Password: scriptPassword})))
}

// cmdExits runs a command and wants an exit code: exits 2 fairlead stack.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdJSON reads a value out of a JSON file: json FILE a.0.b is there; json FILE a.0.b VALUE is that; json FILE a.0.b >NAME
// goes to the environment. The path . is the whole.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: json FILE [PATH [VALUE | >NAME]]")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	if len(args) == 1 {
		return
	}
	v, ok := dig(v, args[1])
	if ok == neg && len(args) == 2 || !ok && len(args) == 3 {
		ts.Fatalf("%s: %v", args[1], v)
	}
	if len(args) < 3 {
		return
	}
	text, isText := v.(string)
	if !isText {
		data, err := json.Marshal(v)
		ts.Check(err)
		text = string(data)
	}
	if name, env := strings.CutPrefix(args[2], ">"); env {
		ts.Setenv(name, text)
	} else if (text == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], text)
	}
}

func dig(v any, path string) (any, bool) {
	if path == "." {
		return v, true
	}
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return fmt.Sprintf("no key %q", key), false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return fmt.Sprintf("no item %q of %d", key, len(at)), false
			}
			v = at[i]
		default:
			return fmt.Sprintf("nothing below %q", key), false
		}
	}
	return v, true
}
