package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/util/flushwriter"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	crilogs "k8s.io/cri-client/pkg/logs"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// node plays the kubelet of pods that have "script" in the name or tag of their image: their first container is a process of this
// machine, without any isolation and without its image. Its output lies in a file as container runtimes write them and is served by
// the code that kubelets serve it with; its exit code is the container's.
type node struct {
	k    connection
	dir  string // of the output
	mu   sync.Mutex
	pods map[types.UID]*played
}

// played is a pod at work.
type played struct {
	namespace, name, log string
	grace                time.Duration
	stop                 func() // asks the process to end; may be called again
	ended                chan struct{}
}

func runNode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	dir, port := flags.String("dir", "", "folder of the cluster"), flags.Int("port", 0, "port that output is served at")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c := &cluster{dir: *dir}
	k, err := connect(c.kubeconfig())
	if err != nil {
		return err
	}
	n := &node{k: k, dir: c.path("output"), pods: map[types.UID]*played{}}
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(k, 0)
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { n.see(ctx, o.(*corev1.Pod)) },
		UpdateFunc: func(_, o any) { n.see(ctx, o.(*corev1.Pod)) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	cert, err := tls.LoadX509KeyPair(c.path("api.crt"), c.path("api.key"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.output)
	srv := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", *port), Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// see begins what a pod asks for, and ends it when it is deleted or its time is up.
func (n *node) see(ctx context.Context, pod *corev1.Pod) {
	if pod.Spec.NodeName == "" || !strings.Contains(pod.Spec.Containers[0].Image, "script") {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pods[pod.UID]
	if p == nil {
		p = &played{namespace: pod.Namespace, name: pod.Name, log: filepath.Join(n.dir, string(pod.UID)+".log"), ended: make(chan struct{}),
			grace: time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second}
		n.pods[pod.UID] = p
		p.begin(n.k, pod.DeepCopy())
	}
	if pod.DeletionTimestamp != nil || pod.Spec.ActiveDeadlineSeconds != nil {
		p.stop()
	}
	if pod.DeletionTimestamp != nil {
		go func() {
			select {
			case <-p.ended:
			case <-ctx.Done():
				return
			}
			uid := pod.UID
			err := n.k.CoreV1().Pods(p.namespace).Delete(ctx, p.name, metav1.DeleteOptions{GracePeriodSeconds: new(int64), Preconditions: &metav1.Preconditions{UID: &uid}})
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				slog.Error("the pod was not deleted", "pod", p.name, "error", err)
			}
		}()
	}
}

// begin starts the process of a pod and tells the API server how it goes until its end.
func (p *played) begin(k connection, pod *corev1.Pod) {
	box := pod.Spec.Containers[0]
	env := k.environment(box.Env, pod.Namespace)
	words := append(append([]string{}, box.Command...), box.Args...)
	if len(words) == 0 {
		words = []string{""}
	}
	for i, word := range words {
		words[i] = expansion.Expand(word, expansion.MappingFuncFor(env))
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	state := corev1.ContainerStatus{Name: box.Name, Image: box.Image}
	began := metav1.Now()
	tell := func(phase corev1.PodPhase) {
		pod.Status.Phase, pod.Status.ContainerStatuses, pod.Status.StartTime = phase, []corev1.ContainerStatus{state}, &began
		live, err := k.CoreV1().Pods(p.namespace).Get(context.Background(), p.name, metav1.GetOptions{})
		if err == nil && live.UID == pod.UID {
			live.Status.Phase, live.Status.ContainerStatuses, live.Status.StartTime = phase, pod.Status.ContainerStatuses, &began
			_, err = k.CoreV1().Pods(p.namespace).UpdateStatus(context.Background(), live, metav1.UpdateOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			slog.Error("the state of a pod was not told", "pod", p.name, "error", err)
		}
	}
	wait, err := p.start(cmd)
	p.stop = sync.OnceFunc(func() {
		if err != nil {
			return
		}
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)
		time.AfterFunc(p.grace, func() {
			select {
			case <-p.ended:
			default:
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			}
		})
	})
	go func() {
		defer close(p.ended)
		end := &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: began}
		if err != nil {
			end.ExitCode, end.Reason, end.Message = 128, "StartError", err.Error()
		} else {
			state.State.Running = &corev1.ContainerStateRunning{StartedAt: began}
			tell(corev1.PodRunning)
			wait()
			if end.ExitCode = int32(cmd.ProcessState.ExitCode()); end.ExitCode < 0 {
				end.ExitCode = 128 + int32(cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
			}
			if end.ExitCode != 0 {
				end.Reason = "Error"
			}
		}
		end.FinishedAt = metav1.Now()
		state.State = corev1.ContainerState{Terminated: end}
		phase := corev1.PodSucceeded
		if end.ExitCode != 0 {
			phase = corev1.PodFailed
		}
		tell(phase)
	}()
}

// environment is what a container sees: values, and those that Secrets hold.
func (k connection) environment(list []corev1.EnvVar, namespace string) map[string]string {
	env := map[string]string{}
	for _, v := range list {
		value := expansion.Expand(v.Value, expansion.MappingFuncFor(env))
		if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			ref := v.ValueFrom.SecretKeyRef
			secret, err := k.CoreV1().Secrets(namespace).Get(context.Background(), ref.Name, metav1.GetOptions{})
			if err != nil {
				slog.Error("a variable of a pod has no value", "variable", v.Name, "error", err)
				continue
			}
			value = string(secret.Data[ref.Key])
		}
		env[v.Name] = value
	}
	return env
}

// start starts a process whose output goes to the pod's file. wait returns when both have come to their end.
func (p *played) start(cmd *exec.Cmd) (wait func(), err error) {
	file, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var pipes sync.WaitGroup
	for stream, open := range map[string]func() (io.ReadCloser, error){"stdout": cmd.StdoutPipe, "stderr": cmd.StderrPipe} {
		pipe, err := open()
		if err != nil {
			return nil, err
		}
		pipes.Go(func() {
			in := bufio.NewReaderSize(pipe, 16<<10)
			for {
				part, err := in.ReadSlice('\n')
				if len(part) > 0 {
					tag, text := "P", string(part) // a part of a line that is longer
					if strings.HasSuffix(text, "\n") || err == io.EOF {
						tag, text = "F", strings.TrimSuffix(text, "\n")
					}
					mu.Lock()
					fmt.Fprintf(file, "%s %s %s %s\n", time.Now().Format("2006-01-02T15:04:05.000000000Z07:00"), stream, tag, text)
					mu.Unlock()
				}
				if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
					return
				}
			}
		})
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pipes.Wait()
		_ = cmd.Wait()
		_ = file.Close()
	}, nil
}

// output serves what the container of a pod wrote.
func (n *node) output(w http.ResponseWriter, r *http.Request) {
	var p *played
	n.mu.Lock()
	for _, one := range n.pods {
		if one.namespace == r.PathValue("namespace") && one.name == r.PathValue("pod") {
			p = one
		}
	}
	n.mu.Unlock()
	if p == nil {
		http.Error(w, "this pod runs nothing here", http.StatusNotFound)
		return
	}
	q := r.URL.Query()
	opts := crilogs.LogOptions{Follow: q.Get("follow") == "true", Timestamp: q.Get("timestamps") == "true"}
	if text := q.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		opts.Since = at
	}
	if text := q.Get("tailLines"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		opts.TailLines = &n
	}
	out := flushwriter.Wrap(w)
	if err := crilogs.ReadLogs(r.Context(), p.log, p.name, &opts, containers{p: p}, out, out); err != nil {
		slog.Warn("the output of a pod was not read to its end", "pod", p.name, "error", err)
	}
}

// containers tells those who follow an output whether more can come.
type containers struct {
	criapi.RuntimeService
	p *played
}

func (c containers) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_RUNNING
	select {
	case <-c.p.ended:
		state = runtimeapi.ContainerState_CONTAINER_EXITED
	default:
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
