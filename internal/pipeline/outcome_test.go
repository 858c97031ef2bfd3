package pipeline_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/pipeline"
	"github.com/fairlead/fairlead/internal/stack/stacktest"
	"github.com/fairlead/fairlead/internal/store"
)

// TestOutcomes takes a stage to each of its ends. The history, what the stage publishes and what people are told is right each time.
func TestOutcomes(t *testing.T) {
	slow := stacktest.Behaviour{Steps: 1_000_000}
	wait := func(b *bench, run fairlead.Run) fairlead.Run { return b.until(run.ID, "held", held) }
	tests := []struct {
		name, stage string
		tag         string // 9.9 is not there
		world       stacktest.Behaviour
		decide      func(b *bench, run fairlead.Run) // after it is held
		state       fairlead.RunState
		stages      string
		attempts    int
		message     string // of the run
		log         []string
		published   string // outcomes on the channel, in order
		told        string // outcomes that people get, in order
	}{
		{name: "succeeds", tag: "1.0", state: fairlead.RunSucceeded, stages: "succeeded succeeded", attempts: 1, published: "success", told: "success"},
		{name: "times out", stage: "timeout: 1s", tag: "1.0", world: slow, state: fairlead.RunFailed, stages: "timed-out skipped", attempts: 1,
			message: `stage 1 ("deploy") timed-out`, log: []string{"error [deploy]"}, published: "failure", told: "failure"},
		{name: "is held and retried with a changed variable", stage: "on_error: {action: stop, hold: 1h}", tag: "9.9",
			decide: func(b *bench, run fairlead.Run) {
				wait(b, run)
				_, err := b.engine.Retry(b.Context(), alice(), run.ID, "deploy", map[string]string{"tag": "1.0"})
				b.must(err)
			},
			state: fairlead.RunSucceeded, stages: "succeeded succeeded", attempts: 2,
			log: []string{"image team/web:9.9", "is held until", "tried again by alice with other values of tag"}, published: "failure success", told: "failure success"},
		{name: "is held until it times out", stage: "on_error: {action: stop, hold: 1h}", tag: "9.9",
			decide: func(b *bench, run fairlead.Run) {
				wait(b, run)
				b.clock.add(61 * time.Minute)
				b.due()
			},
			state: fairlead.RunTimedOut, stages: "failed skipped", attempts: 1, message: "nobody decided in time",
			log: []string{"is held until", "nobody decided about stage 1"}, published: "failure", told: "failure failure"},
		{name: "is ignored", stage: "on_error: {action: ignore}", tag: "9.9", state: fairlead.RunSucceeded, stages: "ignored succeeded", attempts: 1,
			log: []string{"ignored: on_error is ignore"}, published: "failure", told: "success"},
		{name: "returns to start", stage: "on_error: {action: return-to-start}", tag: "9.9", state: fairlead.RunFailed, stages: "failed skipped", attempts: 1,
			message: "team/web:9.9", log: []string{"image team/web:9.9"}, published: "failure", told: "failure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.write(func(ctx context.Context, tx *store.Tx) error {
				return tx.CreateUser(ctx, &fairlead.User{Name: "carol", Email: "carol@example.com"}, "x")
			})
			stage := ""
			if test.stage != "" {
				stage = "    " + test.stage + "\n"
			}
			b.apply(simple("x", "notify: [{user: carol}]", stage+`    notifications:
      - {channel: {name: ended}, params: [{name: as, variable: a}], outcomes: [success]}
      - {channel: {name: ended}, params: [{name: as, variable: b}], outcomes: [failure]}
  - {name: after, type: template-deploy, deploy: {tool: aos, stack: other, namespace: other, create: true, template: web, version: "1.0", parameters: {image: x}}}
`))
			b.world.Set("web", test.world)
			run := b.start("x", map[string]string{"tag": test.tag, "a": "success", "b": "failure"})
			if test.decide != nil {
				test.decide(b, run)
			}
			run = b.until(run.ID, "ended", func(run fairlead.Run) bool { return fairlead.RunMoves.Final(run.State) })
			if run.State != test.state || states(run) != test.stages || run.Stages[0].Attempt != test.attempts || run.WaitingFor != "" || run.EndedAt == nil || !strings.Contains(run.Message, test.message) {
				t.Errorf("run %s (%s): %s, attempt %d, message %q", run.State, run.WaitingFor, states(run), run.Stages[0].Attempt, run.Message)
			}
			wantText(t, b.log(run.ID, ""), test.log...)
			var published, told []string
			b.read(func(ctx context.Context, tx *store.Tx) error {
				messages, _, err := tx.ChannelMessages(ctx, store.Everything, "ended", 100, "")
				for i := range messages {
					published = append([]string{messages[i].Params["as"]}, published...)
				}
				return err
			})
			want := strings.Fields(test.told)
			for _, n := range b.sent(run.ID, func(list []fairlead.SentNotification) bool { return len(list) >= len(want) }) {
				if n.To != "carol@example.com" && n.To != "carol" || n.Kind != "email" {
					t.Errorf("sent %+v", n)
				}
				told = append(told, n.Outcome)
			}
			if got := strings.Join(published, " "); got != test.published {
				t.Errorf("published %q, want %q", got, test.published)
			}
			if got := strings.Join(told, " "); got != test.told {
				t.Errorf("people were told %q, want %q", got, test.told)
			}
			b.world.Set("web", stacktest.Behaviour{}) // the pipeline is ready for its next start, whatever came before
			b.push("1.1")
			b.ended(b.start("x", map[string]string{"tag": "1.1"}).ID, fairlead.RunSucceeded)
		})
	}
}

// TestApprovedValuesStay: what a review approved is carried out with the values that it had, or is asked again.
func TestApprovedValuesStay(t *testing.T) {
	b := newBench(t)
	b.push("2.0")
	yes := pipeline.Answer{Approve: true, Comment: "fine"}
	b.apply(strings.Replace(reviewed, "MODE", "one", 1) + "    on_error: {action: stop}\n")
	b.world.Set("web", stacktest.Behaviour{Fail: "broken"})
	run := b.until(b.start("r", nil).ID, "asking", func(run fairlead.Run) bool { return run.Stages[0].Review.Preview != nil })
	_, err := b.engine.Answer(t.Context(), alice(), run.ID, "ask", yes)
	b.must(err)
	b.until(run.ID, "held", held)
	b.world.Set("web", stacktest.Behaviour{})
	before := b.run(run.ID)
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deploy", map[string]string{"tag": "2.0"})
	b.wantCode(err, fairlead.Conflict, `was approved in stage "ask" with the present ones; stop the run and repeat it from there: fairlead run stop `+run.ID)
	if after := b.run(run.ID); after.State != before.State || after.Variables["tag"] != "1.0" || after.Stages[1].Attempt != before.Stages[1].Attempt {
		t.Errorf("something changed: %+v", after)
	}
	_, err = b.engine.Retry(t.Context(), alice(), run.ID, "deploy", map[string]string{"tag": "1.0"}) // as it is
	b.must(err)
	b.ended(run.ID, fairlead.RunSucceeded)

	again, err := b.engine.Retry(t.Context(), alice(), run.ID, "deploy", map[string]string{"tag": "2.0"})
	b.must(err)
	again = b.until(again.ID, "asking again", func(run fairlead.Run) bool { return run.Stages[0].Review != nil && run.Stages[0].Review.Preview != nil })
	_, err = b.engine.Answer(t.Context(), alice(), again.ID, "ask", yes)
	b.must(err)
	if run := b.ended(again.ID, fairlead.RunSucceeded); run.Stages[1].Images[0].Image != "team/web:2.0" {
		t.Errorf("images %+v", run.Stages[1].Images)
	}
}

// TestParametersAreData: a value that looks like a variable, a function of the template language, YAML or JSON reaches the
// application as that text.
func TestParametersAreData(t *testing.T) {
	b := newBench(t)
	p := b.apply(strings.Replace(strings.Replace(webPipeline, `images: [{name: app, image: "team/web:${tag}"}]`, "images: []", 1), "${image.app}", "${tag}", 1))
	for _, value := range []string{"${SYS_INCREMENT}", "$${tag}", "{get_input: key}", `{"get_input": "key"}`, `{"get_attribute": ["web", "x"]}`, "a\nkey: stolen", "{{ key }}", "!!int 3", "*x", `"}, "replicas": 9, {"`} {
		res, err := b.engine.Hook(t.Context(), pipeline.Call{Token: token(p, 0), Params: map[string]string{"tag": value}})
		b.must(err)
		b.ended(res.Run, fairlead.RunSucceeded)
		if got := b.image(); got != value {
			t.Errorf("the image is %q, want %q", got, value)
		}
	}
}

// TestRoomsAreSecrets: the address of a chat room is sealed, and nothing shows it.
func TestRoomsAreSecrets(t *testing.T) {
	b := newBench(t)
	r := newReceiver(t)
	room := r.URL + "/services/T0/${tag}/hush"
	p := b.apply(webPipeline + `    notifications: [{webhook: {kind: slack, url: "` + room + `", body: "done ${tag}"}}]` + "\n")
	if address := p.Spec.Stages[0].Notifications[0].Webhook.URL; strings.Contains(p.Source+address, "hush") || !strings.HasPrefix(address, r.URL+"/******-") {
		t.Fatalf("shown: %s in\n%s", address, p.Source)
	}
	again := b.apply(p.Source + "description: more\n") // the mask keeps it
	run := b.ended(b.start("web", nil).ID, fairlead.RunSucceeded)
	list := b.sent(run.ID, done(1))
	got := r.all()
	if again.Revision != 2 || len(got) != 1 || got[0].URL.Path != "/services/T0/1.0/hush" || list[0].Attempts[0].Status != http.StatusNoContent {
		t.Fatalf("revision %d, requests %+v, %+v", again.Revision, got, list)
	}
	if shown := list[0].To + list[0].Request.URL + b.log(run.ID, ""); strings.Contains(shown, "hush") || list[0].Request.URL != r.URL+"/******" {
		t.Errorf("shown: %s", shown)
	}
	_, err := b.engine.Apply(t.Context(), alice(), "", []byte(strings.Replace(p.Source, "/******-", "/******-0", 1)), nil)
	b.wantCode(err, fairlead.Invalid, "is no address, nor one that was masked here")
	other := strings.Replace(strings.Replace(p.Source, "name: web", "name: other", 1), "stack: web", "stack: other", 1)
	_, err = b.engine.Apply(t.Context(), alice(), "", []byte(other), nil)
	b.wantCode(err, fairlead.Invalid, "none is kept for that; write the address")
}
