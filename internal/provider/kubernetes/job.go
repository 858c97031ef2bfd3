package kubernetes

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
)

const (
	// roleJob is the role of Jobs that are run for a pipeline. They belong to no element.
	roleJob = "job"
	// annotationFor says what such a Job is for.
	annotationFor = "fairlead.io/for"
	// jobContainer is the name of the one container of its pod.
	jobContainer = "job"
	// jobGrace is how many seconds it may take to end when it is stopped.
	jobGrace = 10
)

// jobRequest is a request about the Job of a container.
func jobRequest(c fairlead.Container, verbs ...string) request {
	return request{subject: "container " + c.Name, verbs: verbs, place: place{namespace: c.Namespace, name: c.Name, mapping: mapping{
		GroupVersionResource: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"},
		kind:                 schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, namespaced: true}}}
}

// MakeContainer makes a Job that is suspended: it has no pod before it is started.
func (p *Provider) MakeContainer(ctx context.Context, c fairlead.Container) (id, waits string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := jobRequest(c, "get", "create")
	live, err := p.job(ctx, c, q)
	if err != nil || live != nil {
		if live != nil {
			id, err = string(live.GetUID()), p.ensureJobSecret(ctx, c, q, live)
		}
		return id, "", err
	}
	o := p.jobObject(c)
	secret, err := p.ensurePullSecret(ctx, o, q)
	if err != nil {
		return "", "", err
	}
	create := func() (*unstructured.Unstructured, error) {
		return p.at(q.place).Create(ctx, o.Unstructured, metav1.CreateOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationStrict})
	}
	live, err = create()
	if missingNamespace(err) {
		if err := p.makeNamespace(ctx, q, fairlead.Record{Stack: c.Stack}); err != nil {
			return "", "", err
		}
		live, err = create()
	}
	if apierrors.IsAlreadyExists(err) { // an earlier call made it, and its answer was lost
		live, err = p.job(ctx, c, q)
	}
	switch {
	case err != nil:
		return "", "", p.explain(ctx, q, err)
	case live == nil:
		return "", "", fairlead.Errorf(fairlead.Unavailable, "%s: %s is being deleted", q.subject, q.place)
	}
	if secret {
		p.holdPullSecret(ctx, q.place, live)
	}
	return string(live.GetUID()), "", p.ensureJobSecret(ctx, c, q, live)
}

// ensureJobSecret makes the Secret that holds the secret environment variables of a container, before its Job has a pod. It belongs
// to the Job and goes with it.
func (p *Provider) ensureJobSecret(ctx context.Context, c fairlead.Container, q request, job *unstructured.Unstructured) error {
	data := map[string]any{}
	for _, name := range c.SecretEnv {
		data[name] = base64.StdEncoding.EncodeToString([]byte(c.Env[name]))
	}
	if len(data) == 0 {
		return nil
	}
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "data": data,
		"metadata": map[string]any{"name": c.Name, "labels": map[string]any{labelRole: roleJob, labelManagedBy: manager},
			"ownerReferences": []any{map[string]any{"apiVersion": job.GetAPIVersion(), "kind": job.GetKind(), "name": job.GetName(), "uid": string(job.GetUID())}}}}}
	q.place.mapping = mapping{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, true}
	q.verbs = []string{"get", "create"}
	_, err := p.at(q.place).Create(ctx, secret, metav1.CreateOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationStrict})
	if !apierrors.IsAlreadyExists(err) {
		return p.explain(ctx, q, err)
	}
	live, err := p.get(ctx, q.place)
	if err != nil {
		return p.explain(ctx, q, err)
	}
	if live == nil || !slices.ContainsFunc(live.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == job.GetUID() }) {
		return fairlead.Errorf(fairlead.Failed, "%s: %s exists and was not made for this; delete it", q.subject, q.place)
	}
	return nil
}

// jobObject is the Job of a container. Nothing of it is tried twice: that is for the pipeline to say.
func (p *Provider) jobObject(c fairlead.Container) *object {
	limits := map[string]any{}
	for name, text := range map[string]string{"cpu": c.CPU, "memory": c.Memory} {
		if text != "" {
			limits[name] = text
		}
	}
	box := map[string]any{"name": jobContainer, "image": c.Image, "terminationMessagePolicy": string(corev1.TerminationMessageFallbackToLogsOnError)}
	if len(c.Command) > 0 {
		box["command"] = literals(c.Command)
	}
	if len(c.Args) > 0 {
		box["args"] = literals(c.Args)
	}
	var env []any
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if slices.Contains(c.SecretEnv, name) {
			env = append(env, map[string]any{"name": name, "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": c.Name, "key": name}}})
			continue
		}
		env = append(env, map[string]any{"name": name, "value": literalText(c.Env[name])})
	}
	if env != nil {
		box["env"] = env
	}
	if len(limits) > 0 {
		box["resources"] = map[string]any{"limits": limits}
	}
	pod := map[string]any{"restartPolicy": "Never", "terminationGracePeriodSeconds": int64(jobGrace), "containers": []any{box}}
	if c.ServiceAccount != "" {
		pod["serviceAccountName"] = c.ServiceAccount
	}
	if p.pullSecret != nil && p.pullFrom != "" && strings.HasPrefix(c.Image, p.pullFrom+"/") {
		pod["imagePullSecrets"] = []any{map[string]any{"name": pullSecretName}}
	}
	labels := map[string]any{labelRole: roleJob, labelManagedBy: manager}
	return &object{namespace: c.Namespace, stackNamespace: true, Unstructured: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": c.Name, "namespace": c.Namespace, "labels": labels,
			"annotations": map[string]any{annotationMadeBy: p.instance, annotationFor: c.For}},
		"spec": map[string]any{"suspend": true, "backoffLimit": int64(0), "completions": int64(1), "parallelism": int64(1), "podReplacementPolicy": "Failed",
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": pod}},
	}}}
}

// literalText keeps a cluster from taking $(NAME) in a text for a variable of the container.
func literalText(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func literals(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = literalText(text)
	}
	return out
}

// job reads the Job of a container; nil when it is not there, or is another one of the same name. One that somebody else made is
// an error.
func (p *Provider) job(ctx context.Context, c fairlead.Container, q request) (*unstructured.Unstructured, error) {
	live, err := p.get(ctx, q.place)
	switch {
	case err != nil:
		return nil, p.explain(ctx, q, err)
	case live == nil:
		return nil, nil
	case live.GetLabels()[labelRole] != roleJob || live.GetAnnotations()[annotationMadeBy] != p.instance:
		return nil, fairlead.Errorf(fairlead.Failed, "%s: %s exists and was not made for this; delete it", q.subject, q.place)
	case c.ID != "" && string(live.GetUID()) != c.ID:
		return nil, nil
	}
	return live, nil
}

// StartContainer lets the Job make its pod. One that was started before stays as it is.
func (p *Provider) StartContainer(ctx context.Context, c fairlead.Container) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := jobRequest(c, "get", "patch")
	live, err := p.job(ctx, c, q)
	switch {
	case err != nil:
		return err
	case live == nil:
		return fairlead.Errorf(fairlead.NotFound, "container %s is gone", c.Name)
	}
	if suspended, _, _ := unstructured.NestedBool(live.Object, "spec", "suspend"); !suspended {
		return nil
	}
	body := fmt.Sprintf(`{"metadata":{"uid":%q},"spec":{"suspend":false}}`, live.GetUID())
	_, err = p.at(q.place).Patch(ctx, c.Name, types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: manager})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return fairlead.Errorf(fairlead.NotFound, "container %s is gone", c.Name)
	}
	return p.explain(ctx, q, err)
}

// ContainerStatus looks at the Job and its pod.
func (p *Provider) ContainerStatus(ctx context.Context, c fairlead.Container) (s fairlead.ContainerStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := jobRequest(c, "get")
	live, err := p.job(ctx, c, q)
	if err != nil || live == nil {
		s.State = fairlead.ContainerAbsent
		return s, err
	}
	if suspended, _, _ := unstructured.NestedBool(live.Object, "spec", "suspend"); suspended {
		s.State = fairlead.ContainerMade
		return s, nil
	}
	pod, err := p.jobPod(ctx, live, q)
	if err != nil {
		return s, err
	}
	if pod != nil {
		if s = podStatus(pod, c); s.State == fairlead.ContainerEnded {
			return s, nil
		}
	}
	for _, kind := range []string{"Complete", "Failed"} {
		done := condition(live, kind)
		if done == nil || done["status"] != "True" {
			continue
		}
		s.State = fairlead.ContainerEnded
		if kind == "Complete" {
			s.ExitCode = new(int)
			return s, nil
		}
		s.Reason = "did not run to its end: " + strings.TrimSpace(scalarText(done["reason"])+" "+scalarText(done["message"]))
		return s, nil
	}
	if pod == nil {
		why, err := p.lastWarning(ctx, live)
		return fairlead.ContainerStatus{State: fairlead.ContainerWaiting, Reason: cmp.Or(why, "its pod to be made")}, err
	}
	return s, nil
}

// podStatus is how far the container of a pod is.
func podStatus(pod *corev1.Pod, c fairlead.Container) (s fairlead.ContainerStatus) {
	for _, box := range pod.Status.ContainerStatuses {
		switch state := box.State; {
		case box.Name != jobContainer:
		case state.Terminated != nil:
			code := int(state.Terminated.ExitCode)
			s.State, s.ExitCode = fairlead.ContainerEnded, &code
			switch reason := state.Terminated.Reason; {
			case reason == "OOMKilled":
				s.Reason = "ran out of memory"
				if c.Memory != "" {
					s.Reason += ", of which it may have " + c.Memory + ","
				}
				s.Reason += " and was killed"
			case code != 0 && reason != "" && reason != "Error":
				s.Reason = strings.TrimSpace("could not run: " + reason + " " + state.Terminated.Message)
			}
			return s
		case state.Running != nil:
			return fairlead.ContainerStatus{State: fairlead.ContainerRunning}
		}
	}
	switch trouble := podState(pod); {
	case pod.Status.Phase == corev1.PodSucceeded:
		return fairlead.ContainerStatus{State: fairlead.ContainerEnded, ExitCode: new(int)}
	case pod.Status.Phase == corev1.PodFailed:
		return fairlead.ContainerStatus{State: fairlead.ContainerEnded, Reason: "did not run to its end: " + cmp.Or(trouble.text, "its pod failed")}
	case trouble.rank == rankBroken && hopeless(pod):
		return fairlead.ContainerStatus{State: fairlead.ContainerEnded, Reason: "cannot start: " + trouble.text}
	case trouble.text != "":
		return fairlead.ContainerStatus{State: fairlead.ContainerWaiting, Reason: trouble.text}
	}
	return fairlead.ContainerStatus{State: fairlead.ContainerWaiting, Reason: "its pod to start"}
}

// hopeless reports whether no wait can help the container of a pod to begin. A pull that failed is tried again by the node.
func hopeless(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		w := s.State.Waiting
		return w != nil && (w.Reason == "InvalidImageName" || w.Reason == "ErrImageNeverPull")
	})
}

// jobPod is the pod of a Job; nil when there is none.
func (p *Provider) jobPod(ctx context.Context, job *unstructured.Unstructured, q request) (*corev1.Pod, error) {
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	list, err := p.objects.Resource(pods).Namespace(job.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/controller-uid=" + string(job.GetUID())})
	if err != nil {
		q.place.mapping = mapping{GroupVersionResource: pods, kind: schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, namespaced: true}
		q.verbs = []string{"list"}
		return nil, p.explain(ctx, q, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	newest := slices.MaxFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
	})
	return pod(&newest), nil
}

// ContainerOutput follows the log of the pod. A cluster does not say which stream a line was written to: all is stdout.
func (p *Provider) ContainerOutput(ctx context.Context, c fairlead.Container, since time.Time, send func(fairlead.OutputLine) error) error {
	q := jobRequest(c, "get")
	live, err := p.job(ctx, c, q)
	if err != nil || live == nil {
		return err
	}
	pod, err := p.jobPod(ctx, live, q)
	if err != nil || pod == nil {
		return err
	}
	status := podStatus(pod, c)
	if status.State == fairlead.ContainerWaiting || status.State == fairlead.ContainerEnded && status.ExitCode == nil {
		return nil
	}
	options := &corev1.PodLogOptions{Container: jobContainer, Follow: status.State != fairlead.ContainerEnded, Timestamps: true}
	if !since.IsZero() {
		at := metav1.NewTime(since)
		options.SinceTime = &at
	}
	logs, err := p.core.Pods(c.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		q.place = podPlace(pod)
		q.place.mapping.Resource = "pods/log"
		return p.explain(ctx, q, err)
	}
	defer logs.Close() //nolint:errcheck // read only
	if err := readLines(logs, since, send); err != nil {
		return p.explain(ctx, q, err)
	}
	return nil
}

// maxHeld bounds what is kept of a line.
const maxHeld = 64 << 10

// readLines reads lines that stand behind their times. The API knows seconds only; lines of before since are left out.
func readLines(r io.Reader, since time.Time, send func(fairlead.OutputLine) error) error {
	in := bufio.NewReaderSize(r, maxHeld)
	for {
		line, err := in.ReadSlice('\n')
		text := string(line)
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long is left out
			_, err = in.ReadSlice('\n')
		}
		if stamp, rest, ok := strings.Cut(strings.TrimSuffix(text, "\n"), " "); ok || stamp != "" {
			if at, perr := time.Parse(time.RFC3339Nano, stamp); perr == nil && !at.Before(since) {
				if err := send(fairlead.OutputLine{Time: at, Stream: fairlead.Stdout, Text: rest}); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// StopContainer lets the time of the pod run out: its node ends the container as in a deletion, and pod and output stay.
func (p *Provider) StopContainer(ctx context.Context, c fairlead.Container) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := jobRequest(c, "get")
	live, err := p.job(ctx, c, q)
	if err != nil || live == nil {
		return err
	}
	pod, err := p.jobPod(ctx, live, q)
	if err != nil || pod == nil || podStatus(pod, c).State != fairlead.ContainerRunning || pod.Spec.ActiveDeadlineSeconds != nil {
		return err
	}
	_, err = p.core.Pods(c.Namespace).Patch(ctx, pod.Name, types.MergePatchType, []byte(`{"spec":{"activeDeadlineSeconds":1}}`), metav1.PatchOptions{FieldManager: manager})
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	q.place, q.verbs = podPlace(pod), []string{"patch"}
	return p.explain(ctx, q, err)
}

// podPlace is where a pod is.
func podPlace(pod *corev1.Pod) place {
	return place{namespace: pod.Namespace, name: pod.Name, mapping: mapping{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "pods"},
		kind: schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, namespaced: true}}
}

// RemoveContainer deletes the Job with its pod, and its namespace when that was made for it and nothing else is there.
func (p *Provider) RemoveContainer(ctx context.Context, c fairlead.Container) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q := jobRequest(c, "get", "delete")
	live, err := p.job(ctx, c, q)
	if err != nil {
		return err
	}
	if live == nil {
		return p.leaveNamespace(ctx, q, fairlead.Record{Namespace: c.Namespace, Stack: c.Stack})
	}
	uid, foreground := live.GetUID(), metav1.DeletePropagationForeground
	err = p.at(q.place).Delete(ctx, c.Name, metav1.DeleteOptions{PropagationPolicy: &foreground, Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return p.explain(ctx, q, err)
	}
	return stillDeleting(q.subject, q.place.String(), live)
}
