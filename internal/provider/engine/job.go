package engine

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead"
)

// roleJob is the role of containers that are run to their end for a pipeline. They belong to no element.
const roleJob = "job"

// jobGrace is how long such a container may take to end when it is stopped.
const jobGrace = 10

// MakeContainer brings the image to the engine, out of the registry of this server without a pull, and makes the container.
func (p *Provider) MakeContainer(ctx context.Context, c fairlead.Container) (id, waits string, err error) {
	there, err := p.jobContainer(ctx, c)
	if err != nil || there != nil {
		if err == nil {
			id = there.ID
		}
		return id, "", err
	}
	identity := map[string]string{}
	if ref, own := p.own(c.Image); own {
		tag, err := p.images.Resolve(ctx, ref)
		if fairlead.ErrorCode(err) == fairlead.NotFound {
			return "", "", fairlead.Errorf(fairlead.Failed, "image %s is not in the registry: push it first, or correct the job's image", ref)
		}
		if err != nil {
			return "", "", fmt.Errorf("image %s: %w", ref, err)
		}
		identity[imageIdentity+c.Image] = tag.Digest
	}
	local := p.engineImage(identity, c.Image)
	key := jobKey(c)
	p.mu.Lock()
	p.needs[key] = []string{local}
	p.mu.Unlock()
	policy := corev1.PullIfNotPresent
	if strings.HasSuffix(withTag(c.Image), ":latest") {
		policy = corev1.PullAlways
	}
	ready, err := p.ensureImage(ctx, c.Image, local, identity, policy)
	if err == nil && !ready { // what arrives is needed until the next call
		return "", "image " + c.Image + " to arrive on the engine", nil
	}
	defer p.needless(key)
	if err == nil {
		if id, err = p.createJob(ctx, c, local); gone(err) { // an image or network that somebody removed in between
			return "", "image " + c.Image + " to arrive on the engine", nil
		}
	}
	return id, "", p.wrap("container "+c.Name, err)
}

// jobKey is what the images of a job's container are needed under until it has them.
func jobKey(c fairlead.Container) string { return "job/" + c.Name }

// needless takes back that images are needed.
func (p *Provider) needless(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.needs, key)
}

// createJob makes the container of a job.
func (p *Provider) createJob(ctx context.Context, c fairlead.Container, image string) (string, error) {
	m, err := p.about(ctx)
	if err != nil {
		return "", err
	}
	limits, err := jobLimits(c)
	if err != nil {
		return "", err
	}
	cfg := &container.Config{Image: image, Entrypoint: c.Command, Cmd: c.Args, Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: map[string]string{labelInstance: p.instance, labelRole: roleJob, labelName: c.Name, labelNamespace: c.Namespace, "fairlead.for": c.For}}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		cfg.Env = append(cfg.Env, name+"="+c.Env[name])
	}
	host := &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		LogConfig: container.LogConfig{Type: "json-file"}, // so that the output can be read, whatever the engine does by default
		Resources: resources(&corev1.Container{Resources: corev1.ResourceRequirements{Limits: limits}}, m.cpus)}
	opts := client.ContainerCreateOptions{Name: c.Name, Config: cfg, HostConfig: host}
	if c.StackID != "" {
		id, err := p.ensureNetwork(ctx, p.jobScope(c))
		if err != nil {
			return "", err
		}
		host.NetworkMode = container.NetworkMode(id)
		opts.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{id: {}}}
	}
	res, err := p.api.ContainerCreate(ctx, opts)
	if cerrdefs.IsConflict(err) { // an earlier call made it, and its answer was lost
		there, ierr := p.jobContainer(ctx, c)
		if ierr != nil || there == nil {
			return "", errors.Join(ierr, err)
		}
		return there.ID, nil
	}
	return res.ID, err
}

// jobScope is the stack whose network a container joins.
func (p *Provider) jobScope(c fairlead.Container) scope {
	return scope{p.instance, c.StackID, c.Stack, c.Namespace}
}

func jobLimits(c fairlead.Container) (corev1.ResourceList, error) {
	limits := corev1.ResourceList{}
	for name, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: c.CPU, corev1.ResourceMemory: c.Memory} {
		if text == "" {
			continue
		}
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fairlead.Errorf(fairlead.Invalid, "%s %q: %w", name, text, err)
		}
		limits[name] = q
	}
	return limits, nil
}

// jobContainer finds the container of a job, by what the engine calls it or, before that is known, by its name; nil when there is
// none. One of that name that somebody else made is an error.
func (p *Provider) jobContainer(ctx context.Context, c fairlead.Container) (*container.InspectResponse, error) {
	name := c.Name
	if c.ID != "" {
		name = c.ID
	}
	res, err := p.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, p.wrap("container "+c.Name, err)
	}
	l := res.Container.Config.Labels
	if l[labelInstance] != p.instance || l[labelRole] != roleJob || l[labelName] != c.Name {
		return nil, fairlead.Errorf(fairlead.Failed, "container %s exists on the engine and was not made for this; remove it", c.Name)
	}
	if res.Container.State.Status == container.StateRemoving {
		return nil, nil
	}
	return &res.Container, nil
}

// StartContainer starts a container that was made and never started.
func (p *Provider) StartContainer(ctx context.Context, c fairlead.Container) error {
	there, err := p.jobContainer(ctx, c)
	switch {
	case err != nil:
		return err
	case there == nil:
		return fairlead.Errorf(fairlead.NotFound, "container %s is gone", c.Name)
	case there.State.Status != container.StateCreated:
		return nil
	}
	_, err = p.api.ContainerStart(ctx, there.ID, client.ContainerStartOptions{})
	switch {
	case err == nil:
		return nil
	case gone(err):
		if again, ierr := p.jobContainer(ctx, c); ierr == nil && again == nil {
			return fairlead.Errorf(fairlead.NotFound, "container %s is gone", c.Name)
		}
	}
	return p.wrap("container "+c.Name+" cannot start", err)
}

// ContainerStatus looks at the container.
func (p *Provider) ContainerStatus(ctx context.Context, c fairlead.Container) (s fairlead.ContainerStatus, err error) {
	there, err := p.jobContainer(ctx, c)
	if err != nil || there == nil {
		s.State = fairlead.ContainerAbsent
		return s, err
	}
	switch state := there.State; state.Status {
	case container.StateCreated:
		s.State = fairlead.ContainerMade
	case container.StateExited, container.StateDead:
		code := state.ExitCode
		s.State, s.ExitCode = fairlead.ContainerEnded, &code
		switch {
		case state.OOMKilled:
			s.Reason = "ran out of memory"
			if c.Memory != "" {
				s.Reason += ", of which it may have " + c.Memory + ","
			}
			s.Reason += " and was killed"
		case state.Error != "":
			s.Reason = "could not run: " + state.Error
		}
	default:
		s.State = fairlead.ContainerRunning
	}
	return s, nil
}

// ContainerOutput follows what the container writes. The engine keeps each line with its stream and its time.
func (p *Provider) ContainerOutput(ctx context.Context, c fairlead.Container, since time.Time, send func(fairlead.OutputLine) error) error {
	there, err := p.jobContainer(ctx, c)
	if err != nil || there == nil || there.State.Status == container.StateCreated {
		return err
	}
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: true}
	if !since.IsZero() {
		opts.Since = fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond())
	}
	logs, err := p.api.ContainerLogs(ctx, there.ID, opts)
	if err != nil {
		return p.wrap("output of container "+c.Name, err)
	}
	defer logs.Close() //nolint:errcheck // read only
	if err := readFrames(logs, send); err != nil {
		return p.wrap("output of container "+c.Name, err)
	}
	return nil
}

// maxHeld bounds what is kept of a line that comes in parts.
const maxHeld = 64 << 10

// readFrames reads an engine's stream of output: frames with a header of 8 bytes (the stream, three zeros, the length), each
// a line, or a part of a long one, behind its time.
func readFrames(r io.Reader, send func(fairlead.OutputLine) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var header [8]byte
	held := map[string]*fairlead.OutputLine{} // lines without their end, by stream
	for {
		if _, err := io.ReadFull(in, header[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		frame := make([]byte, binary.BigEndian.Uint32(header[4:]))
		if _, err := io.ReadFull(in, frame); err != nil {
			return err
		}
		stream := fairlead.Stdout
		if header[0] == 2 {
			stream = fairlead.Stderr
		}
		for part := range strings.SplitAfterSeq(string(frame), "\n") {
			if part == "" {
				continue
			}
			if l := addPart(held, stream, part); l != nil {
				if err := send(*l); err != nil {
					return err
				}
			}
		}
	}
	for _, stream := range []string{fairlead.Stdout, fairlead.Stderr} { // a last line need not have an end
		if l := held[stream]; l != nil {
			if err := send(*l); err != nil {
				return err
			}
		}
	}
	return nil
}

// addPart adds a part of a line to what is held, and returns the line when that was its end. A line has the time of its first part.
func addPart(held map[string]*fairlead.OutputLine, stream, part string) *fairlead.OutputLine {
	stamp, text, _ := strings.Cut(part, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	l := held[stream]
	if l == nil {
		l = &fairlead.OutputLine{Stream: stream, Time: at}
		held[stream] = l
	}
	if err != nil { // no time is in front of it
		text = part
	}
	text, whole := strings.CutSuffix(text, "\n")
	if room := maxHeld - len(l.Text); len(text) > room {
		text = text[:room]
	}
	l.Text += text
	if !whole {
		return nil
	}
	delete(held, stream)
	return l
}

// StopContainer stops the container, which has some seconds to end.
func (p *Provider) StopContainer(ctx context.Context, c fairlead.Container) error {
	there, err := p.jobContainer(ctx, c)
	if err != nil || there == nil || !there.State.Running {
		return err
	}
	grace := jobGrace
	if _, err := p.api.ContainerStop(ctx, there.ID, client.ContainerStopOptions{Timeout: &grace}); err != nil && !gone(err) {
		return p.wrap("container "+c.Name, err)
	}
	return nil
}

// RemoveContainer stops and removes the container, and the network that it joined when nothing else is on it.
func (p *Provider) RemoveContainer(ctx context.Context, c fairlead.Container) error {
	subject := "container " + c.Name
	if err := p.StopContainer(ctx, c); err != nil {
		return err
	}
	there, err := p.jobContainer(ctx, c)
	if err != nil {
		return err
	}
	if there != nil {
		if err := p.discard(ctx, there.ID); err != nil {
			return p.wrap(subject, err)
		}
	}
	if c.StackID != "" {
		if err := p.releaseNetwork(ctx, p.jobScope(c)); err != nil {
			return p.wrap(subject, err)
		}
	}
	p.needless(jobKey(c)) // it may have ended while its image was on the way
	return p.wrap(subject, p.releaseImages(ctx))
}
