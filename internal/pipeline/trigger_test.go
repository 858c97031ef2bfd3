package pipeline_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/store"
)

// simple is a pipeline with a name that deploys a stack of its own, with more keys of the file and of the stage.
func simple(name, file, stage string) string {
	return fmt.Sprintf(`name: %[1]s
variables: [{name: a, value: none}, {name: b, value: none}, {name: c, value: none}, {name: tag, value: "1.0"}]
%[2]s
stages:
  - name: deploy
    type: template-deploy
    images: [{name: app, image: "team/web:${tag}"}]
    deploy: {tool: aos, stack: %[1]s, namespace: %[1]s, create: true, template: web, version: "1.0", parameters: {image: "${image.app}"}}
%[3]s`, name, file, stage)
}

// due lets the jobs that wait for a time come now.
func (b *bench) due() { b.Helper(); b.dueOf("%") }

// dueOf is due for jobs of one kind.
func (b *bench) dueOf(kind string) {
	b.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE river_job SET scheduled_at = created_at, state = 'available' WHERE state IN ('scheduled', 'retryable') AND kind LIKE $1`, kind)
		return err
	})
}

// messages are what arrived for a pipeline, oldest first, as "condition result".
func (b *bench) messages(name string) (list []string) {
	b.Helper()
	b.read(func(ctx context.Context, tx *store.Tx) error {
		messages, _, err := tx.Messages(ctx, name, 100, "")
		for _, m := range slices.Backward(messages) {
			list = append(list, m.Condition+" "+string(m.Result))
		}
		return err
	})
	return list
}

// runs waits until a pipeline has so many runs, and returns them, oldest first.
func (b *bench) runs(name string, n int) (list []fairlead.Run) {
	b.Helper()
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	for {
		b.read(func(ctx context.Context, tx *store.Tx) (err error) {
			list, _, err = tx.PipelineRuns(ctx, name, 100, "")
			return err
		})
		if len(list) >= n {
			slices.Reverse(list)
			return list
		}
		select {
		case <-changed:
		case <-deadline:
			b.Fatalf("pipeline %s has %d runs after 30 s, want %d; messages %v", name, len(list), n, b.messages(name))
		}
	}
}

func (b *bench) publish(channel string, params map[string]string, key string) fairlead.ChannelMessage {
	b.Helper()
	m, err := b.engine.Publish(b.Context(), alice(), channel, params, key)
	b.must(err)
	return m
}

func (b *bench) delivered(m fairlead.ChannelMessage) fairlead.ChannelMessage {
	b.Helper()
	changed, cancel := b.db.Watch()
	defer cancel()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := b.engine.ChannelMessage(b.Context(), store.Everything, m.Channel, m.ID)
		b.must(err)
		if got.Delivered {
			return got
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline:
			b.Fatalf("message %+v was not delivered", got)
		}
	}
}

func TestTwoPipelinesChainedByChannels(t *testing.T) {
	b := newBench(t)
	b.apply(simple("first", "", "    notifications: [{channel: {name: built}, params: [{name: version, variable: tag}], outcomes: [success]}]\n"))
	b.apply(simple("second", "start: {conditions: [{channel: {name: built}, params: [{name: version, variable: a, required: true}]}]}", ""))
	first := b.start("first", nil)
	b.ended(first.ID, fairlead.RunSucceeded)
	run := b.ended(b.runs("second", 1)[0].ID, fairlead.RunSucceeded)
	if run.Cause != "channel" || run.Variables["a"] != "1.0" {
		t.Errorf("run %+v", run)
	}
	wantText(t, b.log(first.ID, "deploy"), "published on channel built")
	b.publish("built", nil, "") // the parameter that is required is not there
	m := b.publish("built", map[string]string{"version": "2", "other": "x"}, "key")
	b.runs("second", 2)
	if again := b.publish("built", map[string]string{"version": "3"}, "key"); again.ID != m.ID {
		t.Errorf("the same key is another message: %+v", again)
	}
	b.delivered(m)
	if got := b.messages("second"); len(got) != 3 || !slices.Contains(got, "start.conditions[0] refused") {
		t.Errorf("messages %v", got)
	}
	var channel fairlead.Channel
	b.read(func(ctx context.Context, tx *store.Tx) (err error) {
		channel, err = tx.Channel(ctx, store.Everything, "built")
		return err
	})
	if !slices.Equal(channel.Publishers, []string{"first/deploy"}) || !slices.Equal(channel.Listeners, []string{"second/start.conditions[0]"}) || channel.Messages != 3 {
		t.Errorf("channel %+v", channel)
	}
	replay, err := b.engine.Replay(t.Context(), alice(), "built", m.ID)
	b.must(err)
	if got := b.delivered(replay); replay.ReplayOf != m.ID || len(got.Deliveries) != 1 || got.Deliveries[0].Result != fairlead.MessageStarted {
		t.Errorf("replay %+v", got)
	}
	if runs := b.runs("second", 3); len(runs) != 3 {
		t.Errorf("%d runs", len(runs))
	}
	b.wantCode(b.engine.DeleteChannel(t.Context(), store.Everything, "built"), fairlead.Conflict, "first/deploy")
	b.wantCode(b.engine.DeleteChannel(t.Context(), "alice", "built"), fairlead.Conflict, "in use by a pipeline of a group that you do not see")
	_, err = b.engine.Publish(t.Context(), alice(), "nobody", nil, "")
	b.wantCode(err, fairlead.NotFound, "channel create nobody")
}

func TestOwnChannelReleasesALaterStage(t *testing.T) {
	b := newBench(t)
	b.apply(simple("own", "", `    notifications: [{channel: {name: deployed}, params: [{name: v, variable: tag}]}]
  - name: check
    type: template-deploy
    deploy: {tool: aos, stack: own}
    triggers: {conditions: [{channel: {name: deployed}, params: [{name: v, variable: a}]}]}
`))
	run := b.ended(b.start("own", nil).ID, fairlead.RunSucceeded)
	if run.Variables["a"] != "1.0" || !run.Stages[1].Conditions[0].Met {
		t.Errorf("run %+v", run)
	}
	m := b.publish("deployed", nil, "") // nobody waits any more
	if got := b.delivered(m); len(got.Deliveries) != 1 || got.Deliveries[0].Result != fairlead.MessageRefused || !strings.Contains(got.Deliveries[0].Reason, "no run") {
		t.Errorf("deliveries %+v", got.Deliveries)
	}
}

func TestAllConditionsInEveryOrder(t *testing.T) {
	b := newBench(t)
	p := b.apply(simple("all", `start:
  mode: all
  conditions:
    - {webhook: {}, params: [{name: v, variable: a}]}
    - {channel: {name: ready}, params: [{name: v, variable: b}]}
    - {image: {repository: team/web, tag: "2*"}, params: [{name: tag, variable: c}]}`, ""))
	send := []func(){
		func() {
			_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"v": "A"}})
			b.must(err)
		},
		func() { b.delivered(b.publish("ready", map[string]string{"v": "B"}, "")) },
		func() { b.pushed("2.1", len(b.messages("all"))+1) },
	}
	for i, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		before := len(b.runs("all", 0))
		for n, which := range order {
			send[which]()
			if got := len(b.runs("all", 0)); n < 2 && got != before {
				t.Fatalf("order %v: %d runs after %d messages", order, got-before, n+1)
			}
		}
		run := b.ended(b.runs("all", before+1)[i].ID, fairlead.RunSucceeded)
		if run.Variables["a"] != "A" || run.Variables["b"] != "B" || run.Variables["c"] != "2.1" {
			t.Errorf("order %v: variables %v", order, run.Variables)
		}
	}
}

// pushed pushes team/web:tag as the registry does, and waits until a pipeline named all has so many messages.
func (b *bench) pushed(tag string, n int) {
	b.Helper()
	b.push(tag)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		pushed, err := tx.Tag(ctx, "team", "web", tag)
		if err != nil {
			return err
		}
		return b.engine.OnPush(ctx, tx, pushed)
	})
	b.arrived(n)
}

// arrived waits until a pipeline named all has so many messages.
func (b *bench) arrived(n int) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for len(b.messages("all")) < n {
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("messages %v, want %d", b.messages("all"), n)
		}
	}
}

func TestPushedDigestIsPinned(t *testing.T) {
	b := newBench(t)
	b.apply(simple("all", `start: {conditions: [{image: {repository: team/web, semver: ">=2"}, params: [{name: tag, variable: tag}]}]}`,
		"    triggers: {conditions: [{channel: {name: go}}]}\n"))
	b.pushed("2.0.0", 1)
	run := b.until(b.runs("all", 1)[0].ID, "waiting", func(run fairlead.Run) bool { return run.State == fairlead.RunWaiting })
	digest := run.Pins["team/web:2.0.0"]
	b.write(func(ctx context.Context, tx *store.Tx) error { // the tag moves on, the old digest has another name
		old, err := tx.Tag(ctx, "team", "web", "2.0.0")
		if err != nil {
			return err
		}
		old.Name = "old"
		if err := tx.PutTag(ctx, &old); err != nil {
			return err
		}
		return tx.PutTag(ctx, &fairlead.Tag{Organization: "team", Repository: "web", Name: "2.0.0", Digest: "sha256:" + strings.Repeat("f", 64)})
	})
	b.publish("go", nil, "")
	run = b.ended(run.ID, fairlead.RunSucceeded)
	if img := run.Stages[0].Images[0]; digest == "" || img.Digest != digest || img.Address != "reg.test:8080/team/web@"+digest || img.Image != "team/web:2.0.0" {
		t.Errorf("image %+v, pinned %s", img, digest)
	}
}

func TestStageConditions(t *testing.T) {
	b := newBench(t)
	p := b.apply(simple("gate", "concurrency: queue", `  - name: prod
    type: template-deploy
    deploy: {tool: aos, stack: gate}
    triggers:
      mode: any
      conditions:
        - {webhook: {}, params: [{name: v, variable: a, default: by-default}]}
        - {channel: {name: go}}
`))
	call := func(key string, params map[string]string) (pipeline.HookResult, error) {
		return b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Key: key, Params: params})
	}
	t.Run("no run to serve is a conflict, and is seen", func(t *testing.T) {
		_, err := call("k", nil)
		b.wantCode(err, fairlead.Conflict, "no run")
		if got := b.messages("gate"); len(got) != 1 || got[0] != "stages[1].triggers.conditions[0] refused" {
			t.Errorf("messages %v", got)
		}
	})
	t.Run("any needs one, and the stage says what it waits for", func(t *testing.T) {
		run := b.until(b.start("gate", nil).ID, "waiting", func(run fairlead.Run) bool { return run.State == fairlead.RunWaiting })
		if run.Stages[1].State != fairlead.StageWaiting || !strings.Contains(run.WaitingFor, "webhook") || !strings.Contains(run.WaitingFor, "channel go") {
			t.Errorf("waits for %q", run.WaitingFor)
		}
		queued := b.start("gate", nil)
		if !strings.Contains(queued.WaitingFor, "its turn: run 1") {
			t.Errorf("queued run waits for %q", queued.WaitingFor)
		}
		res, err := call("k", nil) // the refused one did not use up the key
		b.must(err)
		if res.Result != fairlead.MessageReleased || res.Run != run.ID {
			t.Errorf("result %+v", res)
		}
		if run = b.ended(run.ID, fairlead.RunSucceeded); run.Variables["a"] != "by-default" {
			t.Errorf("variables %v", run.Variables)
		}
		_, err = b.engine.Stop(t.Context(), alice(), queued.ID)
		b.must(err)
		b.ended(queued.ID, fairlead.RunCanceled)
	})
	t.Run("a message before the stage is reached counts", func(t *testing.T) {
		b.dead.Store(true)
		run := b.start("gate", nil)
		res, err := call("early", map[string]string{"v": "early"})
		b.must(err)
		if res.Result != fairlead.MessageCounted || b.run(run.ID).Variables["a"] != "none" {
			t.Errorf("result %+v, variables %v", res, b.run(run.ID).Variables)
		}
		b.dead.Store(false)
		if run = b.ended(run.ID, fairlead.RunSucceeded); run.Variables["a"] != "early" {
			t.Errorf("variables %v", run.Variables)
		}
		again, err := call("early", map[string]string{"v": "late"})
		b.must(err)
		if again != res {
			t.Errorf("the same key again: %+v, want %+v", again, res)
		}
	})
	t.Run("a value is data, not template", func(t *testing.T) {
		run := b.until(b.start("gate", nil).ID, "waiting", func(run fairlead.Run) bool { return run.State == fairlead.RunWaiting })
		_, err := call("", map[string]string{"v": "${tag} {{ 1 }} $${x}"})
		b.must(err)
		if run = b.ended(run.ID, fairlead.RunSucceeded); run.Variables["a"] != "${tag} {{ 1 }} $${x}" {
			t.Errorf("variables %v", run.Variables)
		}
	})
}

func TestFirstStageConditionStartsARun(t *testing.T) {
	b := newBench(t)
	p := b.apply(simple("gate", "", "    triggers: {conditions: [{webhook: {}, params: [{name: v, variable: a, required: true}]}]}\n"))
	_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0)})
	b.wantCode(err, fairlead.Invalid, `parameter "v" is required`)
	_, err = b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"w": "1"}})
	b.wantCode(err, fairlead.Invalid, `parameter "w" is not known`)
	if runs := b.runs("gate", 0); len(runs) != 0 {
		t.Fatalf("runs %+v", runs)
	}
	res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"v": "1"}})
	b.must(err)
	if run := b.ended(res.Run, fairlead.RunSucceeded); run.Variables["a"] != "1" || run.Cause != "webhook" {
		t.Errorf("run %+v", run)
	}
}

func TestSchedules(t *testing.T) {
	b := newBench(t)
	b.apply(simple("nightly", `start: {conditions: [{schedule: {cron: "0 3 * * *", timezone: Asia/Shanghai, missed: run-once}, params: [{name: time, variable: a}]}]}`, ""))
	b.apply(simple("skipping", `start: {conditions: [{schedule: {cron: "0 3 * * *", missed: skip}}]}`, ""))
	b.clock.add(25 * time.Hour)
	b.due()
	run := b.ended(b.runs("nightly", 1)[0].ID, fairlead.RunSucceeded)
	if run.Cause != "schedule" || !strings.HasSuffix(run.Variables["a"], "T19:00:00Z") {
		t.Errorf("run %+v", run)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); len(b.messages("skipping")) == 0; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the schedule that skips says nothing")
		}
	}
	if got := b.messages("skipping"); got[0] != "start.conditions[0] refused" || len(b.runs("skipping", 0)) != 0 {
		t.Errorf("messages %v", got)
	}
	b.read(func(ctx context.Context, tx *store.Tx) error {
		list, err := tx.Schedules(ctx)
		for _, s := range list {
			if s.NextAt <= store.Time(b.clock.now()) {
				t.Errorf("schedule %+v is not in the future", s)
			}
		}
		return err
	})
}

func TestSignatures(t *testing.T) {
	body := []byte(`{"ref": "refs/heads/main", "repository": {"name": "shop"}}`)
	now := time.Now()
	mac := func(key string, parts ...string) []byte {
		m := hmac.New(sha256.New, []byte(key))
		for _, p := range parts {
			m.Write([]byte(p))
		}
		return m.Sum(nil)
	}
	standard := func(secret string, at time.Time, id string) map[string]string {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		stamp := strconv.FormatInt(at.Unix(), 10)
		return map[string]string{"Webhook-Id": id, "Webhook-Timestamp": stamp,
			"Webhook-Signature": "v1,AAAA v1," + base64.StdEncoding.EncodeToString(mac(string(key), id+"."+stamp+".", string(body)))}
	}
	gitee := func(secret string, at time.Time) map[string]string {
		stamp := strconv.FormatInt(at.UnixMilli(), 10)
		return map[string]string{"X-Gitee-Timestamp": stamp, "X-Gitee-Token": base64.StdEncoding.EncodeToString(mac(secret, stamp+"\n"+secret))}
	}
	for _, tt := range []struct {
		name, signature string
		header          func(secret string) map[string]string
		good            bool
	}{
		{"standard", "standard", func(s string) map[string]string { return standard(s, now, "m1") }, true},
		{"standard, too old", "standard", func(s string) map[string]string { return standard(s, now.Add(-6*time.Minute), "m1") }, false},
		{"standard, from the future", "standard", func(s string) map[string]string { return standard(s, now.Add(6*time.Minute), "m1") }, false},
		{"standard, another secret", "standard", func(string) map[string]string { return standard("whsec_AAAA", now, "m1") }, false},
		{"standard, unsigned", "standard", func(string) map[string]string { return nil }, false},
		{"github", "github", func(s string) map[string]string {
			return map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac(s, string(body))), "X-GitHub-Delivery": "d1"}
		}, true},
		{"github, another body", "github", func(s string) map[string]string {
			return map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac(s, "{}"))}
		}, false},
		{"github, unsigned", "github", func(string) map[string]string { return nil }, false},
		{"gitea", "gitea", func(s string) map[string]string {
			return map[string]string{"X-Gitea-Signature": hex.EncodeToString(mac(s, string(body)))}
		}, true},
		{"gitea, no hex", "gitea", func(string) map[string]string { return map[string]string{"X-Gitea-Signature": "xyz"} }, false},
		{"gitlab", "gitlab", func(s string) map[string]string { return map[string]string{"X-Gitlab-Token": s} }, true},
		{"gitlab, another token", "gitlab", func(s string) map[string]string { return map[string]string{"X-Gitlab-Token": s + "x"} }, false},
		{"gitee", "gitee", func(s string) map[string]string { return gitee(s, now) }, true},
		{"gitee, by password", "gitee", func(s string) map[string]string { return map[string]string{"X-Gitee-Token": s} }, true},
		{"gitee, too old", "gitee", func(s string) map[string]string { return gitee(s, now.Add(-2*time.Hour)) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			param := "ref"
			if tt.signature != "standard" {
				param = "repository.name"
			}
			p := b.apply(simple("signed", "start: {conditions: [{webhook: {signature: "+tt.signature+"}, params: [{name: "+param+", variable: a}]}]}", ""))
			secret := p.Webhooks[0].Secret
			if len(secret) < 16 {
				t.Fatalf("secret %q", secret)
			}
			header := tt.header(secret)
			call := pipeline.Call{Token: token(p, 0), Body: body, Header: func(name string) string { return header[name] },
				Params: map[string]string{"ref": "refs/heads/main"}, Deep: map[string]string{"ref": "refs/heads/main", "repository.name": "shop"}}
			res, err := b.engine.Hook(t.Context(), call)
			if !tt.good {
				b.wantCode(err, fairlead.Unauthenticated, "the signature of the message is not accepted")
				if got := b.messages("signed"); len(got) != 0 {
					t.Errorf("stored %v", got)
				}
				return
			}
			b.must(err)
			if run := b.run(res.Run); run.Variables["a"] != "shop" && run.Variables["a"] != "refs/heads/main" {
				t.Errorf("variables %v", run.Variables)
			}
			if header["Webhook-Id"] != "" || header["X-GitHub-Delivery"] != "" {
				if again, err := b.engine.Hook(t.Context(), call); err != nil || again != res {
					t.Errorf("the same delivery again: %+v, %v", again, err)
				}
			}
		})
	}
}

func TestWebhooksChange(t *testing.T) {
	b := newBench(t)
	p := b.apply(simple("x", "start: {conditions: [{webhook: {signature: github}}]}", ""))
	const at = "start.conditions[0]"
	change := func(c pipeline.WebhookChange) fairlead.Webhook {
		t.Helper()
		w, err := b.engine.ChangeWebhook(t.Context(), alice(), "x", at, c)
		b.must(err)
		return w
	}
	rotated := change(pipeline.WebhookChange{Rotate: true})
	if rotated.Path == p.Webhooks[0].Path || rotated.Secret != p.Webhooks[0].Secret {
		t.Errorf("rotated %+v from %+v", rotated, p.Webhooks[0])
	}
	_, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0)})
	b.wantCode(err, fairlead.NotFound, "no such webhook")
	if renewed := change(pipeline.WebhookChange{Renew: true}); renewed.Secret == rotated.Secret || renewed.Path != rotated.Path {
		t.Errorf("renewed %+v", renewed)
	}
	if own := change(pipeline.WebhookChange{Secret: new("0123456789abcdef"), Disabled: new(true)}); own.Secret != "0123456789abcdef" || !own.Disabled {
		t.Errorf("own %+v", own)
	}
	again := b.apply(simple("x", "description: more\nstart: {conditions: [{webhook: {signature: github}}]}", ""))
	if w := again.Webhooks[0]; w.Path != rotated.Path || w.Secret != "0123456789abcdef" || !w.Disabled {
		t.Errorf("after another apply: %+v", w)
	}
	_, err = b.engine.Hook(t.Context(), pipeline.Call{Token: token(again, 0)})
	b.wantCode(err, fairlead.Conflict, "is disabled")
	_, err = b.engine.ChangeWebhook(t.Context(), alice(), "x", "start.conditions[7]", pipeline.WebhookChange{Rotate: true})
	b.wantCode(err, fairlead.NotFound, "it has: start.conditions[0]")
	_, err = b.engine.ChangeWebhook(t.Context(), alice(), "x", at, pipeline.WebhookChange{Secret: new("short")})
	b.wantCode(err, fairlead.Invalid, "want 16 to 255")
}
