package fairlead

import "time"

// WebhookCall is an HTTP request that a stage makes when it has ended. Texts can contain variables. Values of secret headers are
// kept apart from it.
type WebhookCall struct {
	Kind          string            `json:"kind,omitempty" doc:"a chat whose message format is used: slack, teams, dingtalk, wecom, feishu"`
	Method        string            `json:"method" enum:"GET,POST"`
	URL           string            `json:"url"`
	Headers       map[string]string `json:"headers,omitempty"`
	SecretHeaders []string          `json:"secret_headers,omitempty" doc:"headers that are secret besides those whose names say so"`
	Query         map[string]string `json:"query,omitempty"`
	Body          string            `json:"body,omitempty"`
}

// Notice tells a person of the result of a run.
type Notice struct {
	User     string   `json:"user"`
	Outcomes []string `json:"outcomes" enum:"success,failure"`
	By       []string `json:"by" enum:"email,sms"`
}

// NotificationState is how far a notification has come.
type NotificationState string

const (
	NotificationPending   NotificationState = "pending"
	NotificationDelivered NotificationState = "delivered"
	NotificationFailed    NotificationState = "failed"
)

// SentNotification is a message to the outside that a run has sent, with the record of its delivery.
type SentNotification struct {
	ID       string                `json:"id"`
	Run      string                `json:"run"`
	Stage    string                `json:"stage,omitempty" doc:"empty for the result of the run"`
	Outcome  string                `json:"outcome" enum:"success,failure"`
	Kind     string                `json:"kind" enum:"webhook,email,sms"`
	To       string                `json:"to" doc:"address or user"`
	Request  ShownRequest          `json:"request" doc:"secrets are masked"`
	State    NotificationState     `json:"state" enum:"pending,delivered,failed"`
	Attempts []NotificationAttempt `json:"attempts" nullable:"false"`
	ResendOf string                `json:"resend_of,omitempty"`
	By       string                `json:"by,omitempty" doc:"who sent it again"`
	At       time.Time             `json:"created_at"`
}

// ShownRequest is what was sent, as people may see it.
type ShownRequest struct {
	Method  string            `json:"method,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Subject string            `json:"subject,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// NotificationAttempt is one attempt to deliver a notification.
type NotificationAttempt struct {
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Took    Duration  `json:"took"`
	Status  int       `json:"status,omitempty" doc:"of the answer; 0 without one"`
	Message string    `json:"message,omitempty"`
}
