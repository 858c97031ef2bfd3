package pipeline

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
)

// Limits of what a condition may say.
const (
	maxRegexp     = 500
	maxWindow     = 24 * time.Hour
	maxBodyParam  = 200 // characters of a parameter's name, which can be a path into a body
	defaultWindow = 5 * time.Minute
	giteeWindow   = time.Hour // what Gitee's documentation asks for
)

// bodyNameRE is the rule of parameter names that reach into the body of a code host's message.
var bodyNameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$`)

// conditions reads the trigger conditions of the start or of a stage.
func (p *parser) conditions(n *yaml.Node, path, what, mode string) *fairlead.Conditions {
	o := p.object(n, path, what, []string{"mode", "conditions"}, nil)
	if o == nil {
		return nil
	}
	o.require(what, "conditions")
	c := &fairlead.Conditions{Mode: o.choice("mode", mode, []string{"any", "all"}, nil)}
	for i, n := range o.list("conditions", maxConditions) {
		c.Conditions = append(c.Conditions, p.condition(n, item(o.sub("conditions"), i)))
	}
	return c
}

func (p *parser) condition(n *yaml.Node, path string) fairlead.Condition {
	var c fairlead.Condition
	kinds := []string{"webhook", "channel", "image", "schedule"}
	o := p.object(n, path, "a condition", append(slices.Clone(kinds), "params"), nil)
	if o == nil {
		return c
	}
	given := slices.DeleteFunc(kinds, func(kind string) bool { return o.keys[kind] == nil })
	if len(given) != 1 {
		p.on(n, path).error("wrong-value", "a condition is exactly one of webhook, channel, image, schedule", "write each condition as a list item of its own")
		return c
	}
	switch body := o.get(given[0]); given[0] {
	case "webhook":
		c.Webhook = p.webhook(body, o.sub("webhook"))
	case "channel":
		c.Channel = p.channel(o, body)
	case "image":
		c.Image = p.image(o, body)
	case "schedule":
		c.Schedule = p.schedule(o, body)
	}
	seen := map[string]bool{}
	for i, n := range o.list("params", maxParameters) {
		c.Params = append(c.Params, p.param(n, item(o.sub("params"), i), seen, c))
	}
	return c
}

func (p *parser) webhook(n *yaml.Node, path string) *fairlead.WebhookCondition {
	w := &fairlead.WebhookCondition{}
	if n == nil {
		return w
	}
	o := p.object(n, path, "webhook", []string{"signature", "window", "extra"}, nil)
	if o == nil {
		return w
	}
	w.Signature = o.choice("signature", "", []string{signStandard, signGitHub, signGitLab, signGitee, signGitea}, nil)
	switch w.Signature {
	case signStandard:
		w.Window = p.span(o, "window", defaultWindow, time.Second, maxWindow)
	case signGitee:
		w.Window = p.span(o, "window", giteeWindow, time.Second, maxWindow)
	default:
		if o.get("window") != nil {
			o.at("window").error("wrong-value", "\"window\" needs a signature that holds a time", "signature standard or gitee")
		}
	}
	w.Extra = o.choice("extra", "", []string{"refuse", "ignore"}, nil)
	return w
}

func (p *parser) channel(o *object, n *yaml.Node) *fairlead.ChannelCondition {
	c := &fairlead.ChannelCondition{}
	if n == nil {
		o.at("channel").error("missing-key", "channel needs \"name\"", "")
		return c
	}
	b := p.object(n, o.sub("channel"), "channel", []string{"name"}, nil)
	if b == nil {
		return c
	}
	b.require("channel", "name")
	c.Name = b.str("name")
	if err := fairlead.CheckName("channel", c.Name); err != nil && c.Name != "" {
		b.at("name").invalid("bad-name", err, "")
	}
	return c
}

func (p *parser) image(o *object, n *yaml.Node) *fairlead.ImageCondition {
	c := &fairlead.ImageCondition{}
	if n == nil {
		o.at("image").error("missing-key", "image needs \"repository\"", "")
		return c
	}
	b := p.object(n, o.sub("image"), "image", []string{"repository", "tag", "semver", "regexp"}, nil)
	if b == nil {
		return c
	}
	b.require("image", "repository")
	c.Repository, c.Tag, c.Semver, c.Regexp = b.str("repository"), b.value("tag"), b.value("semver"), b.str("regexp")
	if c.Repository != "" {
		if strings.Contains(c.Repository, "${") || checkImage(c.Repository+":x") != nil {
			b.at("repository").error("bad-image", "repository "+quote(c.Repository)+": want organization/repository, without a tag and without variables", "")
		}
	}
	given := 0
	for _, text := range []string{c.Tag, c.Semver, c.Regexp} {
		if text != "" {
			given++
		}
	}
	if given > 1 {
		p.on(n, o.sub("image")).error("wrong-value", "tag, semver and regexp exclude each other", "keep one of them")
	}
	if _, err := path.Match(c.Tag, "x"); err != nil {
		b.at("tag").error("wrong-value", "tag pattern "+quote(c.Tag)+" cannot be read", "* is any text, ? any character, [a-z] one of them")
	}
	if c.Semver != "" {
		if _, err := semver.NewConstraint(c.Semver); err != nil {
			b.at("semver").error("wrong-value", "range "+quote(c.Semver)+" cannot be read: "+err.Error(), "such as >=1.2.0 <2, ~1.4 or 1.x")
		}
	}
	p.regexp(b, "regexp", c.Regexp)
	return c
}

func (p *parser) regexp(o *object, key, text string) {
	if len(text) > maxRegexp {
		o.at(key).errorf("too-long", "the regular expression has %d bytes; at most %d are allowed", len(text), maxRegexp)
		return
	}
	if _, err := regexp.Compile(`^(?:` + text + `)$`); err != nil {
		o.at(key).error("wrong-value", "regular expression "+quote(text)+" cannot be read", "the syntax is that of RE2, such as v[0-9]+")
	}
}

func (p *parser) schedule(o *object, n *yaml.Node) *fairlead.ScheduleCondition {
	c := &fairlead.ScheduleCondition{}
	if n == nil {
		o.at("schedule").error("missing-key", "schedule needs \"cron\"", "")
		return c
	}
	b := p.object(n, o.sub("schedule"), "schedule", []string{"cron", "timezone", "missed"}, nil)
	if b == nil {
		return c
	}
	b.require("schedule", "cron")
	c.Cron, c.Timezone = b.str("cron"), b.str("timezone")
	c.Missed = b.choice("missed", "skip", []string{"skip", "run-once"}, nil)
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "Local" {
		b.at("timezone").error("wrong-value", "time zone "+quote(c.Timezone)+" is not known", "such as Asia/Shanghai or UTC")
		return c
	}
	if c.Cron == "" {
		return c
	}
	s, err := parseCron(*c)
	if err == nil && s.Next(time.Unix(0, 0)).IsZero() {
		err = fmt.Errorf("there is no such time")
	}
	if err != nil {
		b.at("cron").error("wrong-value", "cron expression "+quote(c.Cron)+": "+err.Error(), "five fields: minute, hour, day of month, month, day of week, such as 30 3 * * 1-5")
	}
	return c
}

// parseCron reads the times of a schedule.
func parseCron(c fairlead.ScheduleCondition) (cron.Schedule, error) {
	if strings.Contains(c.Cron, "TZ=") {
		return nil, fmt.Errorf("the time zone has a key of its own, \"timezone\"")
	}
	s, err := cron.ParseStandard(c.Cron)
	if err != nil {
		return nil, err
	}
	spec, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("@every counts from a start that a restart would move")
	}
	if spec.Location, err = time.LoadLocation(c.Timezone); err != nil {
		return nil, err
	}
	return spec, nil
}

// tagMatches reports whether a pushed tag meets an image condition.
func tagMatches(c fairlead.ImageCondition, tag string) bool {
	switch {
	case c.Tag != "":
		ok, err := path.Match(c.Tag, tag)
		return err == nil && ok
	case c.Semver != "":
		want, err := semver.NewConstraint(c.Semver)
		if err != nil {
			return false
		}
		v, err := semver.NewVersion(tag)
		return err == nil && want.Check(v)
	case c.Regexp != "":
		return matches(c.Regexp, tag)
	}
	return true
}

// param reads which variable a parameter of a message goes to.
func (p *parser) param(n *yaml.Node, path string, seen map[string]bool, c fairlead.Condition) fairlead.ParamMap {
	o := p.object(n, path, "a parameter", []string{"name", "variable", "required", "default"}, nil)
	if o == nil {
		return fairlead.ParamMap{}
	}
	o.require("a parameter", "name", "variable")
	m := fairlead.ParamMap{Name: o.str("name"), Variable: o.str("variable"), Required: o.bool("required")}
	if o.get("default") != nil {
		value := o.value("default")
		m.Default = &value
		if m.Required {
			o.at("default").error("wrong-value", "a parameter that is required has no default", "")
		}
	}
	p.paramName(o, m.Name, c)
	p.unique(seen, o.at("name"), "parameter", m.Name)
	switch {
	case m.Variable == sysTimestamp || m.Variable == sysIncrement:
		o.at("variable").error("system-variable", m.Variable+" is set by the system", "give the parameter to a variable of the pipeline")
	case m.Variable != "" && !p.known[m.Variable]:
		own := slices.DeleteFunc(p.names(), func(s string) bool { return s == sysTimestamp || s == sysIncrement })
		o.at("variable").error("unknown-variable", "the pipeline has no variable "+quote(m.Variable), meant(m.Variable, own))
	}
	return m
}

func (p *parser) paramName(o *object, name string, c fairlead.Condition) {
	own := map[string][]string{"image": imageParams(), "schedule": scheduleParams()}[c.Kind()]
	switch {
	case name == "":
	case c.Kind() != "webhook" && c.Kind() != "channel":
		if !slices.Contains(own, name) {
			o.at("name").error("wrong-value", "a message of this condition has no parameter "+quote(name), "it has: "+strings.Join(own, ", "))
		}
	case c.Webhook != nil && c.Webhook.Signature != "" && len(name) <= maxBodyParam && bodyNameRE.MatchString(name):
	case !nameRE.MatchString(name):
		o.at("name").error("bad-name", "parameter name "+quote(name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
	}
}

// imageParams are the parameters of the message about a pushed tag.
func imageParams() []string { return []string{"tag", "digest", "repository", "image"} }

// scheduleParams are the parameters of the message of a schedule.
func scheduleParams() []string { return []string{"time"} }

// located is a condition with its place.
type located struct {
	path  string
	stage int // -1: the start
	mode  string
	fairlead.Condition
}

// conditionsOf lists all trigger conditions of a file in its order.
func conditionsOf(spec *fairlead.PipelineSpec) (list []located) {
	add := func(path string, stage int, c *fairlead.Conditions) {
		if c == nil {
			return
		}
		for i, condition := range c.Conditions {
			list = append(list, located{item(path+".conditions", i), stage, c.Mode, condition})
		}
	}
	add("start", -1, spec.Start)
	for i, s := range spec.Stages {
		add(item("stages", i)+".triggers", i, s.Triggers)
	}
	return list
}

// values turns the parameters of a message into values of variables. All that is wrong is found at once. rest are the
// parameters that go nowhere.
func (l located) values(params map[string]string) (values map[string]string, rest []string, err error) {
	values = map[string]string{}
	left := maps.Clone(params)
	var problems fairlead.Diagnostics
	for _, m := range l.Params {
		value, ok := params[m.Name]
		delete(left, m.Name)
		switch {
		case ok && len(value) > maxValue:
			return nil, nil, fairlead.Errorf(fairlead.TooLarge, "parameter %q has %d bytes; at most %d are allowed", m.Name, len(value), maxValue)
		case ok:
			values[m.Variable] = value
		case m.Default != nil:
			values[m.Variable] = *m.Default
		case m.Required:
			problems = append(problems, fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "missing-parameter", Path: m.Name,
				Summary: "parameter " + quote(m.Name) + " is required and was not sent"})
		}
	}
	return values, slices.Sorted(maps.Keys(left)), problems.Err("the message")
}
