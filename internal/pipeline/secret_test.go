package pipeline

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// However a secret is written, it is taken out of the file, and the rest stays as it was.
func TestMaskSecrets(t *testing.T) {
	const head, tail = "name: a\nstages:\n  - {name: '阶段', type: review, review: {users: [b]}, notifications: [{webhook: {url: 'https://a.example', headers: {", "}}}]}\n"
	for written, value := range map[string]string{
		`Authorization: Bearer s3cr3t`:                            "Bearer s3cr3t",
		`Authorization: "Bearer \"s3cr3t\" \u00e9", X-A: "b"`:     "Bearer \"s3cr3t\" é",
		`X-E: ä, Authorization: 'it''s s3cr3t' , X-A: b`:          "it's s3cr3t",
		`"Authorization": "s3cr3t"`:                               "s3cr3t",
		`Authorization: "s3cr3t-${SYS_INCREMENT}"`:                "s3cr3t-${SYS_INCREMENT}",
		`Authorization: 123456`:                                   "123456",
		"X-A: b,\r\n      Authorization: \"s3cr3t\",\r\n  X-B: c": "s3cr3t",
	} {
		src := head + written + tail
		_, secrets, diags := parse("", []byte(src))
		if diags.HasErrors() || len(secrets) != 1 || secrets[0].value != value {
			t.Errorf("%s: %v, %+v", written, diags, secrets)
			continue
		}
		masked, err := maskSecrets("a", []byte(src), secrets)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		from, to := scalarSpan([]byte(src), secrets[0].node)
		if want := src[:from] + `"` + fairlead.Masked + `"` + src[to:]; string(masked) != want || strings.Contains(string(masked), "s3cr3t") {
			t.Errorf("%s: %s", written, masked)
		}
	}
}

// What cannot be taken out surely is refused.
func TestMaskSecretsRefuses(t *testing.T) {
	for _, written := range []string{"&a s3cr3t", "!!str s3cr3t", "\"s3cr3t \\\n            more\"", "s3cr3t\n              more", ">-\n              s3cr3t"} {
		src := "name: a\nstages:\n  - name: b\n    type: review\n    review: {users: [b]}\n    notifications:\n      - webhook:\n          url: https://a.example\n          headers:\n            Authorization: " + written + "\n"
		_, secrets, diags := parse("", []byte(src))
		if diags.HasErrors() || len(secrets) != 1 {
			t.Fatalf("%q: %v, %+v", written, diags, secrets)
		}
		if masked, err := maskSecrets("a", []byte(src), secrets); fairlead.ErrorCode(err) != fairlead.Invalid || masked != nil {
			t.Errorf("%q: %s, %v", written, masked, err)
		}
	}
}

// The same secret in two places through an anchor around it.
func TestMaskSecretsOfAnAlias(t *testing.T) {
	src := "name: a\nstages:\n  - {name: b, type: review, review: {users: [b]}, notifications: [&n {webhook: {url: 'https://a.example', headers: {Authorization: s3cr3t}}}, *n]}\n"
	_, secrets, diags := parse("", []byte(src))
	if diags.HasErrors() || len(secrets) != 2 {
		t.Fatalf("%v, %+v", diags, secrets)
	}
	masked, err := maskSecrets("a", []byte(src), secrets)
	if err != nil || string(masked) != strings.Replace(src, "s3cr3t", `"******"`, 1) {
		t.Errorf("%s, %v", masked, err)
	}
}

func TestMaskRooms(t *testing.T) {
	const src = `name: web
stages:
  - name: a
    type: template-deploy
    deploy: {tool: aos, stack: web}
    notifications:
      - {webhook: {kind: slack, url: "https://hooks.slack.com/services/T0/${tag}/one"}}
      - {webhook: {kind: slack, url: https://hooks.slack.com/services/T0/B0/two}}
      - {webhook: {url: https://ci.example.com/hook}}
variables: [{name: tag, value: x}]
`
	spec, secrets, diags := parse("web.yaml", []byte(src))
	if diags.HasErrors() || len(secrets) != 2 || secrets[0].place == secrets[1].place || secrets[0].value != "https://hooks.slack.com/services/T0/${tag}/one" {
		t.Fatal(diags, secrets)
	}
	out, err := maskSecrets("web.yaml", []byte(src), secrets)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "T0") || strings.Count(string(out), "https://hooks.slack.com/******-") != 2 || !strings.Contains(string(out), "https://ci.example.com/hook") {
		t.Errorf("masked:\n%s", out)
	}
	again, kept, diags := parse("web.yaml", out)
	if diags.HasErrors() || !reflect.DeepEqual(again, spec) || len(kept) != 2 || kept[0].place != secrets[0].place || kept[0].value != kept[0].shown {
		t.Errorf("%v, %+v, %+v", diags, again, kept)
	}
	if twice, err := maskSecrets("web.yaml", out, kept); err != nil || string(twice) != string(out) {
		t.Errorf("%v:\n%s", err, twice)
	}
}

// Environment variables of jobs are secret when they are listed, or when their names say so and not all of them comes from variables.
func TestSecretEnvironment(t *testing.T) {
	const src = `name: web
variables: [{name: tag, value: x}]
stages:
  - name: migrate
    type: job
    job:
      image: busybox
      env: {DB: "postgres://u:pw@db", API_TOKEN: "s3-${tag}", USE_KEY: true, KEY_OF: "${tag}", EMPTY_KEY: "", PLAIN: a}
      secret_env: [DB]
  - name: both
    type: parallel
    tasks: [{name: one, type: job, job: {image: busybox, env: {DB: other}, secret_env: DB}}]
`
	spec, secrets, diags := parse("web.yaml", []byte(src))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	for _, s := range secrets {
		got = append(got, s.place+"="+s.value)
	}
	if want := []string{"env:API_TOKEN migrate=s3-${tag}", "env:DB migrate=postgres://u:pw@db", "env:DB both/one=other"}; !slices.Equal(got, want) {
		t.Fatalf("secrets %q, want %q", got, want)
	}
	want := map[string]string{"DB": fairlead.Masked, "API_TOKEN": fairlead.Masked, "USE_KEY": "true", "KEY_OF": "${tag}", "EMPTY_KEY": "", "PLAIN": "a"}
	if env := spec.Stages[0].Job.Env; !maps.Equal(env, want) {
		t.Errorf("env %v", env)
	}
	masked, err := maskSecrets("web.yaml", []byte(src), secrets)
	if err != nil || strings.Contains(string(masked), "pw@") || strings.Contains(string(masked), "s3-") || strings.Contains(string(masked), "other") {
		t.Fatalf("%v:\n%s", err, masked)
	}
	if again, _, diags := parse("web.yaml", masked); diags.HasErrors() || !reflect.DeepEqual(again, spec) {
		t.Errorf("%v, %+v", diags, again)
	}
	if _, _, diags := parse("web.yaml", []byte(strings.Replace(src, "[DB]", "[BD]", 1))); !strings.Contains(fmt.Sprint(diags), `no environment variable "BD"`) {
		t.Errorf("a name that is not there: %v", diags)
	}
}
