package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/store"
)

// callWebhook stores the request that a stage makes when it has ended.
func (e *Engine) callWebhook(ctx context.Context, tx *store.Tx, run fairlead.Run, n Notify, w fairlead.WebhookCall) error {
	stage := run.Stages[n.Stage]
	secrets, err := tx.PipelineSecrets(ctx, run.Pipeline)
	if err != nil {
		return err
	}
	r, err := e.webhookRequest(run, stage, n.Outcome, w, secrets)
	if err != nil {
		r = notify.Request{Method: w.Method, Problem: err.Error()}
	}
	sent := fairlead.SentNotification{Run: run.ID, Stage: stage.Name, Outcome: n.Outcome, Kind: notify.Webhook, To: r.ShownURL()}
	if err := e.sender.Send(ctx, tx, &sent, r); err != nil {
		return err
	}
	text := "notification " + sent.ID + " goes to " + sent.To
	if err != nil {
		text = "a webhook cannot be called: " + err.Error()
	}
	return appendLog(ctx, tx, run, Log{Stage: stage.Name, Type: "stage-notified", Text: text})
}

// webhookRequest fills a webhook with what is known at the end of a stage.
func (e *Engine) webhookRequest(run fairlead.Run, stage fairlead.StageRun, outcome string, w fairlead.WebhookCall, secrets map[string]string) (r notify.Request, err error) {
	values := maps.Clone(run.Variables)
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, map[string]string{
		"pipeline.name": run.Pipeline, "run.id": run.ID, "run.number": strconv.FormatInt(run.Number, 10), "run.url": e.runURL(run),
		"stage.name": stage.Name, "stage.outcome": outcome, "stage.state": string(stage.State), "stage.message": stage.Message,
	})
	text := func(s string) notify.Text {
		t, problem := fill(s, values)
		if problem != nil && err == nil {
			err = problem
		}
		return t
	}
	address := w.URL
	if roomRE.MatchString(address) && w.Kind != "" {
		kept, ok := secrets[secretPlace(roomPlace, address)]
		if !ok {
			return r, fairlead.Errorf(fairlead.NotFound, "the pipeline does not have the address of chat room %s any more", address)
		}
		address = kept
	}
	c := notify.Call{Method: w.Method, URL: text(address), Secret: w.SecretHeaders, Chat: w.Kind != "", Headers: map[string]notify.Text{}, Query: map[string]notify.Text{}}
	for name, value := range w.Headers {
		if isSecretHeader(&w, name) {
			kept, ok := secrets[secretPlace(name, w.URL)]
			if !ok {
				return r, fairlead.Errorf(fairlead.NotFound, "the pipeline does not have the value of secret header %s any more", name)
			}
			value = kept
		}
		c.Headers[name] = text(value)
	}
	for name, value := range w.Query {
		c.Query[name] = text(value)
	}
	switch {
	case w.Kind != "":
		said := w.Body
		if said == "" {
			said = "${pipeline.name} #${run.number}: ${stage.name}: ${stage.outcome} ${run.url}"
		}
		c.Body = notify.Text{chatBody(w.Kind, text(said).Plain())}
	case w.Body != "":
		c.Body = text(w.Body)
	case w.Method == "POST":
		b, problem := json.Marshal(map[string]any{
			"pipeline": run.Pipeline, "run": run.ID, "number": run.Number, "url": e.runURL(run),
			"stage": stage.Name, "outcome": outcome, "state": stage.State, "message": stage.Message,
		})
		c.Body, err = notify.Text{string(b)}, cmp.Or(err, problem)
	}
	if err != nil {
		return r, err
	}
	return c.Request(), nil
}

// fill parts a text into what its author wrote and the values of its variables.
func fill(text string, values map[string]string) (notify.Text, error) {
	const mark = "\x00"
	out, err := Expand(strings.ReplaceAll(text, mark, ""), func(name string) (string, bool) {
		v, ok := values[name]
		return mark + strings.ReplaceAll(v, mark, "") + mark, ok
	})
	if err != nil {
		return nil, err
	}
	return strings.Split(out, mark), nil
}

func (e *Engine) runURL(run fairlead.Run) string { return e.url + "/runs/" + run.ID }

// chats are the chats whose message formats are known.
func chats() []string { return []string{"slack", "teams", "dingtalk", "wecom", "feishu"} }

// chatBody is a message in the format of a chat.
func chatBody(kind, text string) string {
	var v any
	switch kind {
	case "slack":
		v = map[string]any{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)}
	case "teams":
		card := map[string]any{"type": "AdaptiveCard", "version": "1.4", "body": []any{map[string]any{"type": "TextBlock", "text": text, "wrap": true}}}
		v = map[string]any{"type": "message", "attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}}}
	case "feishu":
		v = map[string]any{"msg_type": "text", "content": map[string]any{"text": text}}
	default: // dingtalk and wecom
		v = map[string]any{"msgtype": "text", "text": map[string]any{"content": text}}
	}
	b, err := json.Marshal(v)
	if err != nil { // maps of texts always have a JSON form
		return ""
	}
	return string(b)
}

// outcomeOf is what people are told of a run that has ended; empty: nothing, because a person stopped it.
func outcomeOf(run fairlead.Run) string {
	switch run.State {
	case fairlead.RunSucceeded:
		return outcomeSuccess
	case fairlead.RunFailed, fairlead.RunTimedOut:
		return outcomeFailure
	}
	return ""
}

// tellPeople tells people of the result of a run, or that it is held for them.
func (e *Engine) tellPeople(ctx context.Context, tx *store.Tx, run fairlead.Run, outcome string) error {
	if outcome == "" {
		return nil
	}
	spec, err := tx.PipelineSpec(ctx, run.Pipeline, run.Revision)
	if fairlead.ErrorCode(err) == fairlead.NotFound { // deleted
		return nil
	}
	if err != nil {
		return err
	}
	for _, notice := range spec.Notify {
		if !slices.Contains(notice.Outcomes, outcome) {
			continue
		}
		for _, by := range notice.By {
			if err := e.tellUser(ctx, tx, run, outcome, notice.User, by); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) tellUser(ctx context.Context, tx *store.Tx, run fairlead.Run, outcome, user, by string) error {
	n := fairlead.SentNotification{Run: run.ID, Outcome: outcome, Kind: by, To: user}
	u, err := tx.User(ctx, user)
	if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
		return err
	}
	subject, body := result(run, e.runURL(run))
	var r notify.Request
	switch {
	case err != nil:
		r = notify.Request{Problem: err.Error()}
	case u.Disabled:
		r = notify.Request{Problem: fmt.Sprintf("user %s is disabled", user)}
	default:
		r = e.sender.ToUser(by, u, subject, body)
	}
	if err := e.sender.Send(ctx, tx, &n, r); err != nil {
		return err
	}
	return appendLog(ctx, tx, run, Log{Type: "run-notified", Text: fmt.Sprintf("user %s is told by %s, notification %s", user, by, n.ID)})
}

// result is what a person reads about a run. The sender puts it into the language of the person.
func result(run fairlead.Run, link string) (subject, body string) {
	state := map[fairlead.RunState]string{
		fairlead.RunSucceeded: "succeeded", fairlead.RunFailed: "failed", fairlead.RunTimedOut: "timed out",
	}[run.State]
	if !fairlead.RunMoves.Final(run.State) {
		state = "is held and waits for a decision"
	}
	subject = fmt.Sprintf("Pipeline %s: run %d %s", run.Pipeline, run.Number, state)
	lines := []string{subject}
	for _, s := range run.Stages {
		if s.Message != "" && (s.State == fairlead.StageFailed || s.State == fairlead.StageTimedOut) {
			lines = append(lines, s.Name+": "+s.Message)
		}
	}
	return subject, strings.Join(append(lines, link, ""), "\n")
}

// Resend sends a notification of a run again.
func (e *Engine) Resend(ctx context.Context, actor fairlead.Actor, run, id string) (fairlead.SentNotification, error) {
	return e.sender.Resend(ctx, actor, run, id)
}
