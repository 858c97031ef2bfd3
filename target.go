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
	Host      string    `json:"host,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// TargetCheck is what a look at a target found.
type TargetCheck struct {
	Target  string `json:"target"`
	OK      bool   `json:"ok"`
	Version string `json:"version,omitempty"`
	Message string `json:"message,omitempty" doc:"why it is not ok, or what is missing"`
}
