package fairlead

import "time"

// Job is the container that a stage of type job runs to its end. Its texts may contain variables.
type Job struct {
	// Stack is one whose target, namespace and network the container has, so that it reaches the Services of the stack.
	Stack     string `json:"stack,omitempty"`
	Target    string `json:"target,omitempty" doc:"default: the stack's, else the target named local or the only one"`
	Namespace string `json:"namespace,omitempty" doc:"default: the stack's, else default"`
	Image     string `json:"image" doc:"pull address; usually ${image.NAME} of an input image"`
	// Command takes the place of the image's entry point, Args of its arguments.
	Command []string          `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	// SecretEnv names the variables of Env whose values are sealed apart; Env has the mask in their place.
	SecretEnv []string `json:"secret_env,omitempty" doc:"environment variables whose values are secret, those whose names say so included"`
	CPU       string   `json:"cpu,omitempty" doc:"limit, such as 500m or 2"`
	Memory    string   `json:"memory,omitempty" doc:"limit, such as 256Mi"`
	// ServiceAccount is what the container's pod runs as; for Kubernetes targets only.
	ServiceAccount string `json:"service_account,omitempty"`
}

// Container is a container that is run to its end on a target: a [Job] whose texts are settled. Name and Namespace are its
// identity, decided before it is made; no other container of the server has the same.
type Container struct {
	Name      string `json:"name"`
	Target    string `json:"target"`
	Namespace string `json:"namespace"`
	// Stack and StackID are the stack whose network the container joins; empty when there is none.
	Stack   string `json:"stack,omitempty"`
	StackID string `json:"stack_id,omitempty"`
	// For says in words what the container is for, such as "pipeline shop, run 12, stage migrate".
	For            string            `json:"for,omitempty"`
	Image          string            `json:"image"`
	Command        []string          `json:"command,omitempty"`
	Args           []string          `json:"args,omitempty"`
	Env            map[string]string `json:"env,omitempty"`
	SecretEnv      []string          `json:"secret_env,omitempty"` // names of what in Env must not be shown
	CPU            string            `json:"cpu,omitempty"`
	Memory         string            `json:"memory,omitempty"`
	ServiceAccount string            `json:"service_account,omitempty"`
	// ID is what the target calls it, once it is made.
	ID string `json:"id,omitempty"`
}

// ContainerState says how far a container is.
type ContainerState string

const (
	ContainerAbsent  ContainerState = "absent"  // it does not exist: it was not made, or somebody removed it
	ContainerMade    ContainerState = "made"    // it exists and was never started
	ContainerWaiting ContainerState = "waiting" // it was started and does not run yet
	ContainerRunning ContainerState = "running"
	ContainerEnded   ContainerState = "ended"
)

// ContainerStatus is what a target tells of a container.
type ContainerStatus struct {
	State ContainerState
	// Reason says what it waits for or, when it ended without a run to its own end, why: it ran out of memory, it could not start.
	Reason string
	// ExitCode counts when it ended; nil when it never ran or nobody knows.
	ExitCode *int
}

// OutputLine is one line that a container wrote.
type OutputLine struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream" enum:"stdout,stderr"`
	Text   string    `json:"text"`
}

// The streams of a container's output.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)
