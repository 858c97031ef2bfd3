package fairlead

import "time"

// Conditions is a list of trigger conditions with the mode in which they count.
type Conditions struct {
	Mode       string      `json:"mode" enum:"all,any"`
	Conditions []Condition `json:"conditions"`
}

// Condition is one trigger condition: exactly one of its kinds is set.
type Condition struct {
	Webhook  *WebhookCondition  `json:"webhook,omitempty"`
	Channel  *ChannelCondition  `json:"channel,omitempty"`
	Image    *ImageCondition    `json:"image,omitempty"`
	Schedule *ScheduleCondition `json:"schedule,omitempty"`
	Params   []ParamMap         `json:"params,omitempty"`
}

// Kind is what the condition listens to: webhook, channel, image or schedule.
func (c Condition) Kind() string {
	switch {
	case c.Webhook != nil:
		return "webhook"
	case c.Channel != nil:
		return "channel"
	case c.Image != nil:
		return "image"
	}
	return "schedule"
}

// WebhookCondition is met by a POST to the generated URL.
type WebhookCondition struct {
	// Signature is how a message proves that its sender has the secret; empty: the address alone is the secret.
	Signature string `json:"signature,omitempty" enum:"standard,github,gitlab,gitee,gitea"`
	// Window is how old a signed message may be, for signatures that hold a time.
	Window Duration `json:"window,omitempty"`
	// Extra says what becomes of a parameter that no condition maps: refuse the message, or ignore the parameter.
	Extra string `json:"extra,omitempty" enum:"refuse,ignore"`
}

// ChannelCondition is met by a message on a channel.
type ChannelCondition struct {
	Name string `json:"name"`
}

// ImageCondition is met by the push of a tag. At most one of Tag, Semver and Regexp is set; none: any tag.
type ImageCondition struct {
	Repository string `json:"repository" doc:"organization/repository"`
	Tag        string `json:"tag,omitempty" doc:"pattern with *, ? and [...]"`
	Semver     string `json:"semver,omitempty" doc:"range such as >=1.2 <2"`
	Regexp     string `json:"regexp,omitempty" doc:"regular expression that the whole tag must match"`
}

// ScheduleCondition is met at the times of a cron expression.
type ScheduleCondition struct {
	Cron     string `json:"cron"`
	Timezone string `json:"timezone,omitempty" doc:"such as Asia/Shanghai; default UTC"`
	Missed   string `json:"missed,omitempty" enum:"skip,run-once" doc:"what becomes of times at which no server ran"`
}

// ParamMap carries a parameter of a message to a variable.
type ParamMap struct {
	Name     string  `json:"name"`
	Variable string  `json:"variable"`
	Required bool    `json:"required,omitempty" doc:"a message without it is refused"`
	Default  *string `json:"default,omitempty" doc:"what the variable gets when the message does not have it"`
}

// Webhook is the generated address of one trigger condition.
type Webhook struct {
	Condition string `json:"condition" doc:"where in the file, such as start.conditions[0]"`
	Path      string `json:"path" doc:"/hooks/{token}, below the server's URL; empty for those who may not change the pipeline, as are url and secret"`
	URL       string `json:"url"`
	Signature string `json:"signature,omitempty" doc:"how messages are signed"`
	Secret    string `json:"secret,omitempty" doc:"what the sender signs with"`
	Disabled  bool   `json:"disabled,omitempty" doc:"messages are refused"`
}

// Channel is a named, durable line of messages between stages and pipelines.
type Channel struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Keep        Retention `json:"keep" doc:"how many messages stay, and for how long"`
	Messages    int64     `json:"messages" doc:"that are kept"`
	Last        string    `json:"last,omitempty" doc:"id of the newest message"`
	Publishers  []string  `json:"publishers,omitempty" doc:"stages that publish to it, as pipeline/stage"`
	Listeners   []string  `json:"listeners,omitempty" doc:"conditions that listen to it, as pipeline/condition"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by,omitempty"`
}

// ChannelMessage is one message of a channel.
type ChannelMessage struct {
	Seq         int64             `json:"seq" doc:"counts the messages of all channels"`
	ID          string            `json:"id"`
	Channel     string            `json:"channel"`
	Key         string            `json:"key,omitempty" doc:"the publisher's Idempotency-Key: the same key counts once"`
	Params      map[string]string `json:"params"`
	By          string            `json:"by,omitempty" doc:"who published it: a user, or pipeline, run and stage"`
	ReplayOf    string            `json:"replay_of,omitempty" doc:"id of the message that it repeats"`
	PublishedAt time.Time         `json:"published_at"`
	Delivered   bool              `json:"delivered" doc:"everybody who listened has it"`
	Deliveries  []Message         `json:"deliveries,omitempty" doc:"what it did at each condition that listens"`
}

// MessageResult says what a message did.
type MessageResult string

const (
	MessageStarted  MessageResult = "started"  // a run
	MessageReleased MessageResult = "released" // a stage, which waited for it
	MessageCounted  MessageResult = "counted"  // others are still waited for
	MessageRefused  MessageResult = "refused"  // Reason says why
)

// Message is something that arrived for one trigger condition, and what it did there.
type Message struct {
	ID        string            `json:"id"`
	Pipeline  string            `json:"pipeline"`
	Condition string            `json:"condition" doc:"which condition received it"`
	Kind      string            `json:"kind" enum:"webhook,channel,image,schedule"`
	Source    string            `json:"source,omitempty" doc:"channel and id of its message, the image, or the time of the schedule"`
	Params    map[string]string `json:"params"`
	// Key is the sender's Idempotency-Key: the same key of the same webhook is counted once.
	Key        string        `json:"key,omitempty"`
	Result     MessageResult `json:"result"`
	Reason     string        `json:"reason,omitempty" doc:"why it did not do more"`
	Run        string        `json:"run,omitempty" doc:"id of the run that it started or reached"`
	ReceivedAt time.Time     `json:"received_at"`
}
