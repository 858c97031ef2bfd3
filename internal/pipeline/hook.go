package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Limits of a webhook's message.
const (
	maxParams = 200
	maxKey    = 255
)

// Call is a message to a webhook.
type Call struct {
	Token string
	// Params are what query and body say at their first level; Wrong is what is wrong with them.
	Params map[string]string
	Wrong  error
	// Deep are the values of a JSON body at every level, by their path such as repository.name, for the messages of code hosts.
	Deep map[string]string
	// Key is the Idempotency-Key.
	Key string
	// Body and Header are for the signature.
	Body   []byte
	Header func(name string) string
}

// HookResult says what became of a message.
type HookResult struct {
	Message string                 `json:"message" doc:"id of the stored message"`
	Run     string                 `json:"run" doc:"id of the run that it started or reached"`
	Result  fairlead.MessageResult `json:"result"`
	Reason  string                 `json:"reason"`
}

// Hook accepts a message for the webhook with a token: it starts a run, or counts for a stage of the one that is under way.
// When it returns, the message and what it did are stored. A message with the key of an earlier one of the same webhook is that
// message: it gives the same result and has no further effect. A message that can have no effect is a Conflict, and is stored
// with the reason; one that is wrong is Invalid. An unknown token is NotFound, a wrong signature Unauthenticated.
func (e *Engine) Hook(ctx context.Context, call Call) (res HookResult, err error) {
	if len(call.Params) > maxParams || len(call.Key) > maxKey {
		return res, fairlead.Errorf(fairlead.TooLarge, "webhook message: at most %d parameters and an Idempotency-Key of %d bytes are allowed", maxParams, maxKey)
	}
	var no *refused
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		m, err := e.hook(ctx, tx, call)
		res = HookResult{Message: m.ID, Run: m.Run, Result: m.Result, Reason: m.Reason}
		if err != nil && !errors.As(err, &no) {
			return err
		}
		return auditMessage(ctx, tx, m) // a refused message stays
	})
	if err == nil && no != nil {
		return HookResult{}, no.err
	}
	return res, err
}

// auditMessage tells the audit log what a webhook's message did.
func auditMessage(ctx context.Context, tx *store.Tx, m fairlead.Message) error {
	group, err := tx.PipelineGroup(ctx, m.Pipeline)
	if err != nil {
		return err
	}
	entry := fairlead.AuditEntry{Via: CauseWebhook, Operation: "callHook", Verb: "start", Kind: "runs", Name: m.Pipeline, Group: group,
		Detail: strings.TrimSuffix(fmt.Sprintf("%s: message %s: %s", m.Condition, m.Result, m.Reason), ": ")}
	return tx.Audit(ctx, entry)
}

func (e *Engine) hook(ctx context.Context, tx *store.Tx, call Call) (m fairlead.Message, err error) {
	hook, err := tx.PipelineWebhook(ctx, call.Token)
	if err != nil {
		return m, err
	}
	if hook.Disabled {
		return m, fairlead.Errorf(fairlead.Conflict, "webhook %s of pipeline %s is disabled; enable it with: fairlead pipeline webhook enable %s %s", hook.Condition, hook.Pipeline, hook.Pipeline, hook.Condition)
	}
	id, err := verify(hook.Spec, hook.Secret, call, tx.Now)
	if err != nil {
		return m, err
	}
	if call.Key != "" {
		id = call.Key
	}
	if id != "" { // before anything else is looked at: the file may have changed since
		switch m, err := tx.MessageOnce(ctx, hook.ID+"/"+id); {
		case err == nil:
			return m, nil
		case fairlead.ErrorCode(err) != fairlead.NotFound:
			return m, err
		}
	}
	p, err := tx.PipelineHead(ctx, hook.Pipeline)
	if err != nil {
		return m, err
	}
	at := located{path: hook.Condition, stage: hook.Stage, Condition: fairlead.Condition{Webhook: &hook.Spec, Params: hook.Params}}
	if hook.Stage < 0 && p.Spec.Start != nil {
		at.mode = p.Spec.Start.Mode
	}
	params, err := hookParams(hook, call)
	if err != nil {
		return m, err
	}
	return e.deliverTo(ctx, tx, p, at, incoming{kind: "webhook", source: hook.ID, id: id, key: id, params: params})
}

// hookParams are the parameters of a call that count. A code host's message has what its condition asks for and no more, because
// nobody can choose what else is in it.
func hookParams(hook store.PipelineWebhook, call Call) (map[string]string, error) {
	mapped := map[string]bool{}
	known := make([]string, 0, len(hook.Params))
	for _, p := range hook.Params {
		mapped[p.Name] = true
		known = append(known, p.Name)
	}
	if codeHost(hook.Spec.Signature) {
		params := maps.Clone(call.Deep)
		maps.DeleteFunc(params, func(name, _ string) bool { return !mapped[name] })
		return params, nil
	}
	if call.Wrong != nil {
		return nil, call.Wrong
	}
	if hook.Spec.Extra == "ignore" {
		return call.Params, nil
	}
	var problems fairlead.Diagnostics
	for name := range call.Params {
		if !mapped[name] {
			problems = append(problems, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "unknown-parameter", Path: name,
				Summary: "parameter " + quote(name) + " is not known", Detail: meant(name, known)})
		}
	}
	problems.Sort()
	return call.Params, problems.Err("the message")
}

// WebhookChange says what is to be done to a webhook.
type WebhookChange struct {
	Rotate   bool    // a new address; the old one is gone at once
	Renew    bool    // a new secret
	Secret   *string // a secret of the sender's choice
	Disabled *bool
}

// ChangeWebhook changes the webhook of a condition.
func (e *Engine) ChangeWebhook(ctx context.Context, actor fairlead.Actor, pipeline, condition string, change WebhookChange) (w fairlead.Webhook, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		hooks, err := tx.PipelineWebhooks(ctx, pipeline)
		if err != nil {
			return err
		}
		known := make([]string, len(hooks))
		at := -1
		for i, h := range hooks {
			known[i] = h.Condition
			if h.Condition == condition {
				at = i
			}
		}
		if at < 0 {
			if _, err := tx.PipelineHead(ctx, pipeline); err != nil {
				return err
			}
			return fairlead.Errorf(fairlead.NotFound, "pipeline %s has no webhook at %s; it has: %s", pipeline, quote(condition), strings.Join(known, ", "))
		}
		done, err := change.apply(&hooks[at])
		if err != nil {
			return err
		}
		if err := tx.SetPipelineWebhooks(ctx, pipeline, hooks); err != nil {
			return err
		}
		w = hooks[at].Webhook()
		return tx.AppendEvent(ctx, fairlead.Event{Kind: "pipeline", Name: pipeline, Type: "webhook-changed",
			Message: "webhook " + condition + " of pipeline " + pipeline + ": " + done + " by " + actor.String()})
	})
	w.URL = e.url + w.Path
	return w, err
}

func (c WebhookChange) apply(h *store.PipelineWebhook) (done string, err error) {
	var list []string
	if c.Rotate {
		h.Token = rand.Text()
		list = append(list, "new address")
	}
	if c.Renew || c.Secret != nil {
		if h.Spec.Signature == "" {
			return "", fairlead.Errorf(fairlead.Conflict, "webhook %s has no signature; say which in the pipeline's file, such as webhook: {signature: standard}", h.Condition)
		}
		h.Secret = newSecret(h.Spec.Signature)
		if c.Secret != nil {
			h.Secret = *c.Secret
			if err := checkSecret(h.Spec.Signature, h.Secret); err != nil {
				return "", err
			}
		}
		list = append(list, "new secret")
	}
	if c.Disabled != nil {
		h.Disabled = *c.Disabled
		list = append(list, map[bool]string{true: "disabled", false: "enabled"}[h.Disabled])
	}
	if len(list) == 0 {
		return "", fairlead.Errorf(fairlead.Invalid, "webhook %s: nothing to change; want rotate, secret or disabled", h.Condition)
	}
	return strings.Join(list, ", "), nil
}

// newSecret makes a secret for a way of signing, "" for none.
func newSecret(signature string) string {
	switch signature {
	case "":
		return ""
	case signStandard:
		key := make([]byte, 32)
		rand.Read(key) //nolint:errcheck // never fails
		return standardPrefix + base64.StdEncoding.EncodeToString(key)
	}
	return rand.Text()
}
