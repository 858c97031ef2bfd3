package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// upTime bounds how long a cluster may take to start on a slow machine.
const upTime = 3 * time.Minute

// cluster is a cluster on this machine. Everything of it is below one folder.
type cluster struct {
	dir   string
	self  string // the path of this program
	api   int    // port of the API server
	etcd  int    // port of etcd for its clients
	peer  int    // port of etcd for its peers, of which it has none
	node  int    // port at which the nodes serve the output of pods
	pki   pki
	token tokens
}

// tokens are what the two users of the cluster sign in with.
type tokens struct{ admin, restricted string }

func folder(name string, args []string) (string, error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	dir := flags.String("dir", "", "folder of the cluster; it must be its alone")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if *dir == "" || flags.NArg() > 0 {
		return "", fmt.Errorf("usage: kubebox %s --dir FOLDER", name)
	}
	return filepath.Abs(*dir)
}

// up prints the path of the kubeconfig of a cluster that answers. When the one in the folder does, and is of this program,
// that is all; else it starts a new one, empty, on free ports of the loopback address.
func up(ctx context.Context, args []string) error {
	dir, err := folder("up", args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upTime)
	defer cancel()
	c := &cluster{dir: dir}
	if c.self, err = os.Executable(); err != nil {
		return err
	}
	if !c.serves(ctx) {
		if err := c.start(ctx); err != nil {
			return errors.Join(err, c.stop())
		}
	}
	_, err = fmt.Println(c.kubeconfig())
	return err
}

func down(args []string) error {
	dir, err := folder("down", args)
	if err != nil {
		return err
	}
	return (&cluster{dir: dir}).stop()
}

func (c *cluster) path(name ...string) string {
	return filepath.Join(append([]string{c.dir}, name...)...)
}
func (c *cluster) kubeconfig() string { return c.path("kubeconfig") }

// serves reports whether the cluster of the folder was started by this very program and answers.
func (c *cluster) serves(ctx context.Context) bool {
	by, err := os.ReadFile(c.path("program"))
	if err != nil || string(by) != c.self {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	k, err := connect(c.kubeconfig())
	return err == nil && k.ready(ctx) == nil
}

func (c *cluster) start(ctx context.Context) error {
	if err := c.stop(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path("etcd"), 0o700); err != nil {
		return err
	}
	if err := errors.Join(c.takePorts(ctx), c.writeFiles()); err != nil {
		return err
	}
	if err := c.run("etcd", c.etcdFlags()); err != nil {
		return err
	}
	if err := c.run("kube-apiserver", c.apiFlags()); err != nil {
		return err
	}
	k, err := connect(c.kubeconfig())
	if err != nil {
		return err
	}
	if err := c.await(ctx, "the API server", k.ready); err != nil {
		return err
	}
	if err := k.furnish(ctx); err != nil {
		return err
	}
	common := []string{"--kubeconfig=" + c.kubeconfig(), "--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"}
	err = errors.Join(
		c.run("kube-controller-manager", append(common, "--root-ca-file="+c.path("ca.crt"), "--service-account-private-key-file="+c.path("sa.key"),
			// Nodes that nobody is behind send no signs of life. Without this their pods would stop being ready from time to time.
			"--node-monitor-grace-period=9000h")),
		c.run("kube-scheduler", common),
		c.run("kwok", []string{"--kubeconfig=" + c.kubeconfig(), "--config=" + c.path("stages.yaml"), "--manage-all-nodes=true", "--node-ip=127.0.0.1",
			fmt.Sprintf("--node-port=%d", c.node), "--server-address=127.0.0.1:0"}), // what listens at the nodes' port is our node
		c.run("node", []string{"--dir=" + c.dir + string(filepath.Separator), fmt.Sprintf("--port=%d", c.node)}))
	if err != nil {
		return err
	}
	if err := c.await(ctx, "nodes and service account", k.complete); err != nil {
		return err
	}
	return os.WriteFile(c.path("program"), []byte(c.self), 0o600)
}

// takePorts finds free ports. Somebody else can take one before we do; then the start fails and says so.
func (c *cluster) takePorts(ctx context.Context) error {
	var held []net.Listener
	for _, port := range []*int{&c.api, &c.etcd, &c.peer, &c.node} {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*port = l.Addr().(*net.TCPAddr).Port
		held = append(held, l)
	}
	var errs []error
	for _, l := range held {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func (c *cluster) writeFiles() (err error) {
	c.token = tokens{admin: rand.Text(), restricted: rand.Text()}
	if c.pki, err = newPKI(); err != nil {
		return err
	}
	stages, err := joinStages()
	if err != nil {
		return err
	}
	config, err := c.newKubeconfig()
	if err != nil {
		return err
	}
	users := fmt.Sprintf("%s,admin,admin,system:masters\n%s,restricted,restricted\n", c.token.admin, c.token.restricted)
	for name, text := range map[string][]byte{
		"ca.crt": c.pki.ca, "api.crt": c.pki.cert, "api.key": c.pki.key, "sa.key": c.pki.account,
		"tokens.csv": []byte(users), "stages.yaml": stages, "kubeconfig": config,
	} {
		if err := os.WriteFile(c.path(name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) etcdFlags() []string {
	clients, peers := fmt.Sprintf("http://127.0.0.1:%d", c.etcd), fmt.Sprintf("http://127.0.0.1:%d", c.peer)
	return []string{
		"--data-dir=" + c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + clients, "--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + peers, "--initial-cluster=default=" + peers,
	}
}

func (c *cluster) apiFlags() []string {
	return []string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.etcd), "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.api),
		"--tls-cert-file=" + c.path("api.crt"), "--tls-private-key-file=" + c.path("api.key"),
		"--token-auth-file=" + c.path("tokens.csv"), "--authorization-mode=Node,RBAC", "--endpoint-reconciler-type=none", "--allow-privileged=true",
		"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + c.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + c.path("sa.key"),
		"--service-account-signing-key-file=" + c.path("sa.key"), "--service-cluster-ip-range=10.96.0.0/16",
	}
}

// run starts one of the programs. It goes on after this one ends; stop finds it by its pid.
func (c *cluster) run(name string, flags []string) error {
	log, err := os.Create(c.path(name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.self, append([]string{name}, flags...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "KUBECONFIG=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(c.path(name+".pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	return cmd.Process.Release()
}

// await asks again and again until fn is content. A program that ended in the meantime ends the wait.
func (c *cluster) await(ctx context.Context, what string, fn func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		if ended := c.ended(); ended != "" {
			return fmt.Errorf("%s ended; its log is %s:\n%s", ended, c.path(ended+".log"), tail(c.path(ended+".log")))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; the logs are in %s", what, err, c.dir)
		case <-tick.C:
		}
	}
}

// tail is the end of a file, for a message.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// pids are the processes that were started, by the names of their programs. 0 is one that does not run any more.
func (c *cluster) pids() (map[string]int, error) {
	files, err := filepath.Glob(c.path("*.pid"))
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !c.owns(pid) {
			pid = 0
		}
		all[strings.TrimSuffix(filepath.Base(file), ".pid")] = pid
	}
	return all, nil
}

// owns reports whether a process is one of this cluster: a pid can come again for somebody else's process. Each of ours has
// the cluster's folder among its arguments.
func (c *cluster) owns(pid int) bool {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(args, []byte(c.dir+string(filepath.Separator)))
}

// ended is the name of a program that was started and does not run any more.
func (c *cluster) ended() string {
	all, err := c.pids()
	if err != nil {
		return ""
	}
	for name, pid := range all {
		if pid == 0 {
			return name
		}
	}
	return ""
}

// stop ends the processes of the cluster and removes what it stored; the logs stay.
func (c *cluster) stop() error {
	all, err := c.pids()
	if err != nil {
		return err
	}
	for _, name := range []string{"node", "kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		pid, ok := all[name]
		if !ok {
			continue
		}
		if err := c.end(pid); err != nil {
			return fmt.Errorf("%s (process %d): %w", name, pid, err)
		}
		if err := os.Remove(c.path(name + ".pid")); err != nil {
			return err
		}
	}
	if err := os.Remove(c.path("program")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(os.RemoveAll(c.path("etcd")), os.RemoveAll(c.path("output")))
}

// end ends a process: nothing in the cluster is worth to wait long for.
func (c *cluster) end(pid int) error {
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for i := range 100 {
		if !c.owns(pid) {
			return nil
		}
		if i == 30 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("it does not end")
}
