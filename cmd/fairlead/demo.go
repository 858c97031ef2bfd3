package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/examples"
	"github.com/fairlead/fairlead/internal/provider/engine"
)

func newDemoCommand() *cobra.Command {
	var exit bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on this machine: push, pipeline, upgrade without a failed request",
		Long: `Starts a server with a data directory of its own, pushes an image and a template, deploys them through a pipeline's
webhook, upgrades the application while requests go on, and removes everything when it ends. It needs a container engine:
DOCKER_HOST, Docker's socket or Podman's.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := demo{out: cmd.OutOrStdout(), exit: exit, listen: listen}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "end when all of it worked, instead of waiting for Ctrl-C")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the server; port 0 takes a free one")
	return cmd
}

const (
	demoStack    = "demo-web"
	demoPipeline = "demo"
	// demoTimeout bounds each step; all of them together take some seconds.
	demoTimeout = 3 * time.Minute
)

// demo is one run of the demonstration.
type demo struct {
	out    io.Writer
	exit   bool
	listen string

	binary   string
	password string
	server   *Server
	client   *client.Client
	hook     string // full URL of the pipeline's webhook
	page     string // URL of the application
}

func (d *demo) run(ctx context.Context) (err error) {
	host, ok := engine.Discover(ctx)
	if !ok {
		return fairlead.Errorf(fairlead.Unavailable, "no container engine answers at DOCKER_HOST, Docker's socket or Podman's; "+
			"install one (on Debian or Ubuntu: sudo apt-get install docker.io) or set DOCKER_HOST")
	}
	d.say("Container engine: %s", host)
	dir, err := os.MkdirTemp("", "fairlead-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stop, err := d.start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	// What was made is removed also when something failed or Ctrl-C came.
	defer func() { err = errors.Join(err, d.remove(context.WithoutCancel(ctx))) }()

	if err := d.deployTwice(ctx); err != nil {
		return err
	}
	if d.exit {
		return nil
	}
	d.say("\nConsole:     %s/\nAPI docs:    %s/api/docs\nApplication: %s\nSign in as admin with password %s\n\nCtrl-C ends the demo and removes all it made.",
		d.client.URL(), d.client.URL(), d.page, d.password)
	<-ctx.Done()
	return nil
}

// start starts the server and signs in. stop ends it.
func (d *demo) start(ctx context.Context, dir string) (stop func() error, err error) {
	if d.binary, err = os.Executable(); err != nil {
		return nil, err
	}
	d.password = rand.Text()
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	config := ServerConfig{Data: filepath.Join(dir, "data"), Listen: d.listen, AdminPassword: d.password, Out: io.Discard, Log: slog.New(slog.NewTextHandler(log, nil))}
	if d.server, err = NewServer(ctx, config); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	// The server outlives the Ctrl-C that ends the demo: it is needed to remove what was made.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.server.Run(serving) }()
	stop = func() error {
		cancel()
		return errors.Join(<-done, d.server.Close(), log.Close())
	}
	if d.client, err = client.New(client.Config{URL: "http://" + d.server.Addr()}); err == nil {
		err = d.signIn(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	d.say("Server:           %s", d.client.URL())
	return stop, nil
}

func (d *demo) signIn(ctx context.Context) error {
	session, err := d.client.Login(ctx, "admin", d.password)
	if err != nil {
		return err
	}
	d.client, err = client.New(client.Config{URL: d.client.URL(), Token: session.Token})
	return err
}

// deployTwice deploys version 1.0, then 1.1 while requests go on.
func (d *demo) deployTwice(ctx context.Context) error {
	if _, err := d.client.CreateOrganization(ctx, "demo", false); err != nil {
		return err
	}
	if err := d.pushImage(ctx, "1.0"); err != nil {
		return err
	}
	if err := d.applyFiles(ctx); err != nil {
		return err
	}
	if err := d.deploy(ctx, "1.0"); err != nil {
		return err
	}
	if err := d.findPage(ctx); err != nil {
		return err
	}
	if err := d.show(ctx, "1.0"); err != nil {
		return err
	}
	if err := d.pushImage(ctx, "1.1"); err != nil {
		return err
	}
	finish := d.keepAsking(ctx)
	err := d.deploy(ctx, "1.1")
	if err := errors.Join(err, finish()); err != nil {
		return err
	}
	return d.show(ctx, "1.1")
}

func (d *demo) pushImage(ctx context.Context, version string) error {
	img, err := demoImage(d.binary, version)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(d.server.Addr()+"/demo/web:"+version, name.Insecure)
	if err != nil {
		return err
	}
	begin := time.Now()
	auth := remote.WithAuth(&authn.Basic{Username: "admin", Password: d.password})
	if err := remote.Write(ref, img, remote.WithContext(ctx), auth); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	d.say("\nPushed %s through the registry's HTTP API in %s\n  %s", ref, time.Since(begin).Round(time.Millisecond), digest)
	return nil
}

func (d *demo) applyFiles(ctx context.Context) error {
	text, err := examples.Demo.ReadFile("demo/web.yaml")
	if err != nil {
		return err
	}
	if _, err := d.client.PushTemplate(ctx, client.TemplateUpload{Name: "web", Version: "1.0", Filename: "web.yaml", Source: text}); err != nil {
		return err
	}
	d.say("Pushed template web@1.0")
	if text, err = examples.Demo.ReadFile("demo/pipeline.yaml"); err != nil {
		return err
	}
	pipeline, err := d.client.ApplyPipeline(ctx, client.PipelineFile{Name: demoPipeline, Filename: "pipeline.yaml", Source: text})
	if err != nil {
		return err
	}
	d.hook = d.client.URL() + pipeline.Webhooks[0].Path
	d.say("Applied pipeline %s; its webhook is %s", pipeline.Name, d.hook)
	return nil
}

// deploy posts to the webhook and follows the run to its end.
func (d *demo) deploy(ctx context.Context, tag string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoTimeout, fmt.Errorf("the deployment of %s took longer than %s", tag, demoTimeout))
	defer cancel()
	d.say("\nPOST %s?tag=%s", d.hook, tag)
	id, err := postHook(ctx, d.hook+"?tag="+tag)
	if err != nil {
		return err
	}
	for line, err := range d.client.FollowLogs(ctx, id, client.LogFilter{}) {
		if err != nil {
			return err
		}
		d.say("  %s %s %s", line.Time.Local().Format("15:04:05.000"), line.Stage, line.Text)
	}
	run, err := d.client.Run(ctx, id)
	if err != nil {
		return err
	}
	if run.State != fairlead.RunSucceeded {
		return fairlead.Errorf(fairlead.Failed, "run %d is %s: %s", run.Number, run.State, run.Message)
	}
	return nil
}

// findPage reads the application's address from the stack's outputs.
func (d *demo) findPage(ctx context.Context) error {
	for output, err := range d.client.StackOutputs(ctx, demoStack) {
		if err != nil {
			return err
		}
		if output.Name == "url" {
			d.page = fmt.Sprint(output.Value)
			return nil
		}
	}
	return fairlead.Errorf(fairlead.Failed, "stack %s has no output url", demoStack)
}

// show prints the page and checks that it is of the version.
func (d *demo) show(ctx context.Context, version string) error {
	text, err := fetchPage(ctx, d.page)
	if err != nil {
		return err
	}
	d.say("\nGET %s\n%s", d.page, indent(text))
	if want := "version " + version; !strings.Contains(text, want) {
		return fairlead.Errorf(fairlead.Failed, "the page does not say %q", want)
	}
	return nil
}

// keepAsking fetches the page again and again until finish is called, which fails if any request failed.
func (d *demo) keepAsking(ctx context.Context) (finish func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var asked, failed atomic.Int64
	var first atomic.Pointer[error]
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, err := fetchPage(ctx, d.page)
			if ctx.Err() != nil {
				return // the request was cut off by the end, not by the server
			}
			asked.Add(1)
			if err != nil {
				failed.Add(1)
				first.CompareAndSwap(nil, &err)
			}
		}
	}()
	return func() error {
		cancel()
		<-done
		d.say("\nWhile the new containers replaced the old: %d requests, %d failed", asked.Load(), failed.Load())
		if err := first.Load(); err != nil {
			return fairlead.Errorf(fairlead.Failed, "%d of %d requests failed during the upgrade; the first: %w", failed.Load(), asked.Load(), *err)
		}
		return nil
	}
}

// remove deletes the stack and everything that the engine made for it.
func (d *demo) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if _, err := d.client.Stack(ctx, demoStack); fairlead.ErrorCode(err) == fairlead.NotFound {
		return nil
	}
	action, err := d.client.DeleteStack(ctx, demoStack, client.StackDeletion{})
	if err != nil {
		return fmt.Errorf("remove the demo: %w", err)
	}
	if action, err = d.await(ctx, action.ID); err != nil {
		return fmt.Errorf("remove the demo: %w", err)
	}
	if action.State != fairlead.ActionSucceeded {
		return fairlead.Errorf(fairlead.Failed, "remove the demo: the delete is %s: %s", action.State, action.Message)
	}
	d.say("\nRemoved stack %s and everything it made", demoStack)
	return nil
}

// await follows the stack's events until the action ends.
func (d *demo) await(ctx context.Context, id string) (fairlead.Action, error) {
	for _, err := range d.client.FollowEvents(ctx, client.EventFilter{Action: id}) {
		if err != nil {
			return fairlead.Action{}, err
		}
		action, err := d.client.Action(ctx, id)
		if err != nil || fairlead.ActionMoves.Final(action.State) {
			return action, err
		}
	}
	return d.client.Action(ctx, id)
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func postHook(ctx context.Context, url string) (run string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Run string `json:"run"`
	}
	if res.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("the webhook answered %s: %s", res.Status, text)
	}
	err = json.Unmarshal(text, &answer)
	return answer.Run, err
}

func fetchPage(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Close = true // each request makes a connection of its own, as strangers do
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return string(text), err
}

func indent(text string) string {
	return "  | " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  | ")
}
