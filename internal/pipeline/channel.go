package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/riverqueue/river"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// channelMessage is the job that takes a message of a channel to everybody who listens.
type channelMessage struct {
	Message string `json:"message_id"`
}

func (channelMessage) Kind() string { return "channel_message" }

type channelWorker struct {
	river.WorkerDefaults[channelMessage]
	engine *Engine
}

// Work delivers the message. What it does at all conditions, the note that it was delivered and the end of the job are one
// transaction, so it has its effect exactly once.
func (w *channelWorker) Work(ctx context.Context, job *river.Job[channelMessage]) error {
	return w.engine.db.Write(ctx, func(tx *store.Tx) error {
		m, err := tx.ChannelMessage(ctx, store.Everything, job.Args.Message)
		if fairlead.ErrorCode(err) == fairlead.NotFound || (err == nil && m.Delivered) {
			return store.CompleteJob(ctx, tx, job)
		}
		if err != nil {
			return err
		}
		in := incoming{kind: "channel", source: m.Channel, id: m.ID, from: m.Channel + " " + m.ID, origin: m.ID, params: m.Params}
		if err := w.engine.deliver(ctx, tx, in); err != nil {
			return err
		}
		if err := tx.ChannelDelivered(ctx, m.ID); err != nil {
			return err
		}
		return store.CompleteJob(ctx, tx, job)
	})
}

// publish stores a message together with the job that delivers it.
func publish(ctx context.Context, tx *store.Tx, m *fairlead.ChannelMessage, once string) (err error) {
	if m.ID, err = newID(); err != nil {
		return err
	}
	if m.Params == nil {
		m.Params = map[string]string{}
	}
	if err := tx.CreateChannelMessage(ctx, m, once); err != nil {
		return err
	}
	return tx.Enqueue(ctx, channelMessage{m.ID}, nil)
}

// Publish puts a message on a channel. When it returns, the message is stored and will be delivered exactly once to every
// condition that listens then. The same key on the same channel is the same message. An unknown channel is NotFound.
func (e *Engine) Publish(ctx context.Context, actor fairlead.Actor, channel string, params map[string]string, key string) (m fairlead.ChannelMessage, err error) {
	if err := checkParams(params, key); err != nil {
		return m, err
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Channel(ctx, store.Everything, channel); err != nil {
			return err
		}
		once := ""
		if key != "" {
			once = channel + "/" + key
			if m, err = tx.ChannelMessageOnce(ctx, once); fairlead.ErrorCode(err) != fairlead.NotFound {
				return err
			}
		}
		m = fairlead.ChannelMessage{Channel: channel, Key: key, Params: params, By: actor.String()}
		return publish(ctx, tx, &m, once)
	})
	return m, err
}

func checkParams(params map[string]string, key string) error {
	if len(params) > maxParams || len(key) > maxKey {
		return fairlead.Errorf(fairlead.TooLarge, "the message: at most %d parameters and a key of %d bytes are allowed", maxParams, maxKey)
	}
	var problems fairlead.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(params)) {
		d := fairlead.Diagnostic{Severity: fairlead.SeverityError, Path: name}
		switch {
		case !nameRE.MatchString(name):
			d.Code, d.Summary = "bad-parameter", "parameter name "+quote(name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64"
		case len(params[name]) > maxValue:
			d.Code, d.Summary = "too-large", fmt.Sprintf("parameter %s has %d bytes; at most %d are allowed", quote(name), len(params[name]), maxValue)
		default:
			continue
		}
		problems = append(problems, d)
	}
	return problems.Err("the message")
}

// Replay publishes the content of a message again, as a message of its own.
func (e *Engine) Replay(ctx context.Context, actor fairlead.Actor, channel, id string) (m fairlead.ChannelMessage, err error) {
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		old, err := channelMessageOf(ctx, tx, store.Everything, channel, id)
		if err != nil {
			return err
		}
		m = fairlead.ChannelMessage{Channel: channel, Params: old.Params, By: actor.String(), ReplayOf: old.ID}
		return publish(ctx, tx, &m, "")
	})
	return m, err
}

func channelMessageOf(ctx context.Context, tx *store.Tx, v store.Viewer, channel, id string) (fairlead.ChannelMessage, error) {
	m, err := tx.ChannelMessage(ctx, v, id)
	if err == nil && m.Channel != channel {
		err = fairlead.Errorf(fairlead.NotFound, "channel %s has no message %q", channel, id)
	}
	return m, err
}

// ChannelMessage returns a message with what it did at the pipelines that the viewer sees.
func (e *Engine) ChannelMessage(ctx context.Context, v store.Viewer, channel, id string) (m fairlead.ChannelMessage, err error) {
	err = e.db.Read(ctx, func(tx *store.Tx) error {
		if m, err = channelMessageOf(ctx, tx, v, channel, id); err != nil {
			return err
		}
		m.Deliveries, err = tx.Deliveries(ctx, v, id)
		return err
	})
	return m, err
}

// SetChannel makes a channel, or changes the description and limits of one that is there. made tells which.
func (e *Engine) SetChannel(ctx context.Context, actor fairlead.Actor, c fairlead.Channel) (out fairlead.Channel, made bool, err error) {
	if err := fairlead.CheckName("channel", c.Name); err != nil {
		return out, false, err
	}
	if c.Keep.Count < 0 || c.Keep.Age < 0 {
		return out, false, fairlead.Errorf(fairlead.Invalid, "channel %s: a limit cannot be negative", c.Name)
	}
	err = e.db.Write(ctx, func(tx *store.Tx) error {
		c.CreatedBy = actor.String()
		if made, err = tx.EnsureChannel(ctx, &c); err != nil {
			return err
		}
		if !made {
			if err := tx.UpdateChannel(ctx, &c); err != nil {
				return err
			}
		}
		out, err = tx.Channel(ctx, store.Everything, c.Name)
		return err
	})
	return out, made, err
}

// DeleteChannel removes a channel with its messages. One that a pipeline publishes to or listens to is a Conflict, which names one
// that the viewer sees.
func (e *Engine) DeleteChannel(ctx context.Context, v store.Viewer, name string) error {
	return e.db.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.Channel(ctx, store.Everything, name)
		if err != nil {
			return err
		}
		if len(c.Publishers)+len(c.Listeners) == 0 {
			return tx.DeleteChannel(ctx, name)
		}
		if c, err = tx.Channel(ctx, v, name); err != nil {
			return err
		}
		by := "a pipeline of a group that you do not see"
		if seen := append(c.Publishers, c.Listeners...); len(seen) > 0 {
			by = seen[0]
		}
		return fairlead.Errorf(fairlead.Conflict, "channel %s is in use by %s", name, by)
	})
}

// notify sends what a stage says when it has ended: a message on a channel, stored with the end of the stage.
func (e *Engine) notify(ctx context.Context, tx *store.Tx, run fairlead.Run, n Notify) error {
	s := run.Stages[n.Stage]
	notification := s.Policy.Notifications[n.N]
	if notification.Webhook != nil {
		return e.callWebhook(ctx, tx, run, n, *notification.Webhook)
	}
	if notification.Channel == nil {
		return nil
	}
	name := notification.Channel.Name
	if _, err := tx.EnsureChannel(ctx, &fairlead.Channel{Name: name, CreatedBy: "pipeline " + run.Pipeline}); err != nil {
		return err
	}
	m := fairlead.ChannelMessage{Channel: name, Params: given(notification.Params, run), By: fmt.Sprintf("pipeline %s, run %d, stage %s", run.Pipeline, run.Number, quote(s.Name))}
	if err := publish(ctx, tx, &m, ""); err != nil {
		return err
	}
	return appendLog(ctx, tx, run, Log{Stage: s.Name, Type: "stage-published", Text: "message " + m.ID + " published on channel " + name})
}

// given are parameters for a message, taken from the variables of a run.
func given(params []fairlead.ParamMap, run fairlead.Run) map[string]string {
	out := make(map[string]string, len(params))
	for _, p := range params {
		if value, ok := run.Variables[p.Variable]; ok {
			out[p.Name] = value
		}
	}
	return out
}

// listens reports whether messages can reach a run.
func listens(run fairlead.Run) bool {
	return slices.ContainsFunc(run.Stages, func(s fairlead.StageRun) bool { return len(s.Conditions) > 0 })
}
