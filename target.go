package fairlead

import "time"

// TargetKind says what a target is.
type TargetKind string

const (
	TargetEngine     TargetKind = "engine"     // a container engine: Docker or Podman
	TargetKubernetes TargetKind = "kubernetes" // a Kubernetes cluster
)

// LocalTarget is the name of the target that the first start makes when a container engine answers.
const LocalTarget = "local"

// Target is where the elements of stacks are made.
type Target struct {
	Name string     `json:"name"`
	Kind TargetKind `json:"kind" enum:"engine,kubernetes"`
	// Host is the engine's address, such as unix:///var/run/docker.sock.
	Host string `json:"host,omitempty"`
	// Server is the address of the cluster's API. What the server signs in with is kept apart and never shown.
	Server string `json:"server,omitempty"`
	// Context is the kubeconfig's context that the cluster and the user came from.
	Context string `json:"context,omitempty"`
	// InCluster tells that the server runs in the cluster and uses the service account of its pod.
	InCluster bool      `json:"in_cluster,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// RenewedAt is when the credentials were last given anew.
	RenewedAt *time.Time   `json:"renewed_at,omitempty"`
	Limits    TargetLimits `json:"limits"`
	Windows   []Window     `json:"windows,omitempty" doc:"when deploying stages of pipelines may begin; none: always"`
}

// Address is where the target is reached.
func (t Target) Address() string {
	if t.Kind == TargetKubernetes {
		return t.Server
	}
	return t.Host
}

// TargetCheck is what a look at a target found.
type TargetCheck struct {
	Target  string   `json:"target"`
	OK      bool     `json:"ok"`
	Version string   `json:"version,omitempty"`
	Message string   `json:"message,omitempty" doc:"why it is not ok"`
	Missing []string `json:"missing,omitempty" doc:"rights that stacks may need and the server does not have on the target"`
}
