package fairlead

import "time"

// AuditEntry is one line of the audit log: somebody, or the system, changed or started something, or was refused.
type AuditEntry struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	User string    `json:"user,omitempty" doc:"who; absent when it was the system"`
	Via  string    `json:"via,omitempty" doc:"how a user was known: console, session, token, password, registry, offline; or what made the system do it: webhook, channel, image, schedule"`
	// Address is where a request came from: the address of the connection, or what a trusted proxy said.
	Address   string `json:"address,omitempty" doc:"where the request came from"`
	Operation string `json:"operation" doc:"what was asked for: the id of the operation in the OpenAPI document, or startRun, pushImage, deleteImage"`
	Verb      string `json:"verb" doc:"start, change, delete or grant"`
	Kind      string `json:"kind" doc:"what it was done to: pipelines, runs, groups, stacks, images, users ..."`
	Name      string `json:"name,omitempty" doc:"its name; of a run that of the pipeline"`
	Group     string `json:"group,omitempty" doc:"the pipeline group it belonged to"`
	// Result is AuditDone, AuditRefused or AuditFailed.
	Result string `json:"result" enum:"done,refused,failed" doc:"refused: whoever asked had no right to; failed: a part of it was changed before an error ended it"`
	Detail string `json:"detail,omitempty" doc:"one sentence more; never a secret"`
}

// The results of what the audit log tells.
const (
	AuditDone    = "done"
	AuditRefused = "refused"
	AuditFailed  = "failed"
)
