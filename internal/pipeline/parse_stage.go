package pipeline

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/graph"
)

// Limits of what a stage may say.
const (
	maxTasks    = 50
	maxAttempts = 20
	maxHold     = 365 * 24 * time.Hour
	maxPeople   = 100
	maxWhen     = 20
	maxNotices  = 20
)

// stageKeys are the keys of every stage, and those that only stages of a type have.
func stageKeys() []string {
	return []string{"name", "type", "needs", "when", "triggers", "images", "deploy", "job", "review", "tasks", "order", "on_task_failure", "timeout",
		"retry", "rollback", "on_error", "notifications", "locks", "windows"}
}

func (p *parser) stage(n *yaml.Node, path string, names map[string]bool) fairlead.Stage {
	o := p.object(n, path, "a stage", stageKeys(), nil)
	if o == nil {
		return fairlead.Stage{}
	}
	o.require("a stage", "name", "type")
	s := fairlead.Stage{Name: o.str("name")}
	p.stageName(o, s.Name)
	p.unique(names, o.at("name"), "stage", s.Name)
	s.Type = fairlead.StageType(o.choice("type", "", []string{string(fairlead.StageTemplateDeploy), string(fairlead.StageJob), string(fairlead.StageReview), string(fairlead.StageParallel)}, nil))
	p.work(o, &s, s.Name)
	if s.Type == fairlead.StageParallel {
		p.tasks(o, &s, names)
	}
	p.flow(o, &s)
	return s
}

// work reads what a stage or task does by itself. name is what a run calls it.
func (p *parser) work(o *object, s *fairlead.Stage, name string) {
	for key, kinds := range keysOfTypes() {
		if o.keys[key] != nil && knownType(s.Type) && !slices.Contains(kinds, s.Type) {
			o.at(key).error("wrong-key", "a stage of type "+string(s.Type)+" has no "+quote(key), "it belongs to type "+typeNames(kinds))
		}
	}
	switch s.Type {
	case fairlead.StageTemplateDeploy:
		o.require("a template-deploy stage", "deploy")
	case fairlead.StageJob:
		o.require("a job stage", "job")
	case fairlead.StageReview:
		o.require("a review stage", "review")
	case fairlead.StageParallel:
		o.require("a parallel stage", "tasks")
	}
	if s.Type != fairlead.StageReview && s.Type != fairlead.StageParallel {
		s.Timeout = fairlead.Duration(p.timeout(o))
	}
	known := maps.Clone(p.known)
	s.Images = p.images(o, known)
	if n := o.get("deploy"); n != nil {
		s.Deploy = p.deploy(n, o.sub("deploy"), known)
	}
	if n := o.get("job"); n != nil {
		s.Job = p.job(n, o.sub("job"), name, known)
	}
	if n := o.get("review"); n != nil {
		s.Review = p.review(n, o.sub("review"))
	}
	if n := o.get("retry"); n != nil {
		s.Retry = p.retry(n, o.sub("retry"))
	}
	s.Rollback = o.bool("rollback")
}

// keysOfTypes are the keys that only stages of some types have.
func keysOfTypes() map[string][]fairlead.StageType {
	deploy, job := fairlead.StageTemplateDeploy, fairlead.StageJob
	review, parallel := []fairlead.StageType{fairlead.StageReview}, []fairlead.StageType{fairlead.StageParallel}
	return map[string][]fairlead.StageType{
		"deploy": {deploy}, "rollback": {deploy}, "job": {job}, "images": {deploy, job}, "timeout": {deploy, job},
		"review": review, "tasks": parallel, "order": parallel, "on_task_failure": parallel,
	}
}

func knownType(t fairlead.StageType) bool {
	return slices.Contains([]fairlead.StageType{fairlead.StageTemplateDeploy, fairlead.StageJob, fairlead.StageReview, fairlead.StageParallel}, t)
}

func typeNames(kinds []fairlead.StageType) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, " or ")
}

// flow reads when a stage begins and what follows its end.
func (p *parser) flow(o *object, s *fairlead.Stage) {
	if o.keys["needs"] != nil {
		s.Needs = []string{}
		for i, n := range o.list("needs", maxStages) {
			if n.Kind != yaml.ScalarNode {
				p.on(n, item(o.sub("needs"), i)).error("wrong-type", "the name of a stage must be text, not "+kindName(n), "")
				continue
			}
			s.Needs = append(s.Needs, n.Value)
		}
	}
	for i, n := range o.list("when", maxWhen) {
		s.When = append(s.When, p.when(n, item(o.sub("when"), i)))
	}
	if n := o.get("triggers"); n != nil {
		s.Triggers = p.conditions(n, o.sub("triggers"), "triggers", "all")
	}
	if s.Type == fairlead.StageReview {
		for _, key := range []string{"locks", "windows"} {
			if o.keys[key] != nil {
				o.at(key).error("wrong-key", "a stage of type review has no "+quote(key), "it belongs to the stages that do the work")
			}
		}
	}
	s.Locks, s.Windows = p.locks(o), p.windows(o)
	if n := o.get("on_error"); n != nil {
		s.OnError = p.onError(n, o.sub("on_error"))
	}
	for i, n := range o.list("notifications", maxNotices) {
		s.Notifications = append(s.Notifications, p.notification(n, item(o.sub("notifications"), i)))
	}
}

// tasks reads the tasks of a parallel stage, whose names are "stage/task".
func (p *parser) tasks(o *object, s *fairlead.Stage, names map[string]bool) {
	s.Order = o.choice("order", "parallel", []string{"parallel", "serial"}, nil)
	fallback := "finish"
	if s.Order == "serial" {
		fallback = "stop"
	}
	s.OnTaskFailure = o.choice("on_task_failure", fallback, []string{"finish", "stop"}, nil)
	list := o.list("tasks", maxTasks)
	if o.get("tasks") != nil && len(list) == 0 {
		o.at("tasks").error("missing-key", "a parallel stage needs at least one task", "")
	}
	for i, n := range list {
		t := p.object(n, item(o.sub("tasks"), i), "a task", []string{"name", "type", "images", "deploy", "job", "timeout", "retry", "rollback"}, nil)
		if t == nil {
			continue
		}
		t.require("a task", "name", "type")
		task := fairlead.Stage{Name: t.str("name")}
		p.stageName(t, task.Name)
		if strings.Contains(task.Name, "/") {
			t.at("name").error("bad-name", "task name "+quote(task.Name)+" must not contain a slash", "")
		}
		p.unique(names, t.at("name"), "task", s.Name+"/"+task.Name)
		task.Type = fairlead.StageType(t.choice("type", "", []string{string(fairlead.StageTemplateDeploy), string(fairlead.StageJob)}, nil))
		p.work(t, &task, s.Name+"/"+task.Name)
		s.Tasks = append(s.Tasks, task)
	}
}

func (p *parser) timeout(o *object) time.Duration {
	return time.Duration(p.span(o, "timeout", defaultTimeout, minTimeout, maxTimeout))
}

// span reads an optional time span within bounds.
func (p *parser) span(o *object, key string, fallback, least, most time.Duration) fairlead.Duration {
	if o.get(key) == nil {
		return fairlead.Duration(fallback)
	}
	text := o.value(key)
	d, err := time.ParseDuration(text)
	switch {
	case text == "" && o.get(key).Kind != yaml.ScalarNode: // reported
	case err != nil:
		o.at(key).error("wrong-value", key+" "+quote(text)+" is no time span", "want a number with a unit, such as 90s, 30m or 1h30m")
	case d < least || d > most:
		o.at(key).error("wrong-value", key+" "+quote(text)+" is out of range", "want "+short(least)+" to "+short(most))
	}
	return fairlead.Duration(d)
}

// short is a time span in whole minutes when it has no seconds.
func short(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}

// number reads an optional whole number within bounds.
func (p *parser) number(o *object, key string, fallback, least, most int) int {
	if o.get(key) == nil {
		return fallback
	}
	text := o.value(key)
	n, err := strconv.Atoi(text)
	if text != "" && (err != nil || n < least || n > most) {
		o.at(key).errorf("wrong-value", "%s %s: want a whole number from %d to %d", key, quote(text), least, most)
	}
	return n
}

func (p *parser) keep(n *yaml.Node) *fairlead.Retention {
	o := p.object(n, "keep", "keep", []string{"count", "age"}, nil)
	if o == nil {
		return nil
	}
	return &fairlead.Retention{Count: p.number(o, "count", 0, 1, 1_000_000), Age: p.span(o, "age", 0, time.Minute, 10*maxHold)}
}

func (p *parser) retry(n *yaml.Node, path string) *fairlead.Retry {
	o := p.object(n, path, "retry", []string{"attempts", "backoff"}, nil)
	if o == nil {
		return nil
	}
	o.require("retry", "attempts")
	return &fairlead.Retry{Attempts: p.number(o, "attempts", 1, 1, maxAttempts), Backoff: p.span(o, "backoff", defaultBackoff, time.Second, maxBackoff)}
}

func (p *parser) onError(n *yaml.Node, path string) *fairlead.OnError {
	o := p.object(n, path, "on_error", []string{"action", "hold"}, nil)
	if o == nil {
		return nil
	}
	o.require("on_error", "action")
	e := &fairlead.OnError{Action: fairlead.ErrorAction(o.choice("action", "",
		[]string{string(fairlead.ReturnToStart), string(fairlead.StopOnError), string(fairlead.IgnoreError)}, nil))}
	if e.Action == fairlead.StopOnError {
		e.Hold = p.span(o, "hold", defaultHold, time.Second, maxHold)
	} else if o.get("hold") != nil {
		o.at("hold").error("wrong-value", "only a run that is stopped is held", "remove \"hold\", or say action: stop")
	}
	return e
}

func (p *parser) when(n *yaml.Node, path string) (w fairlead.When) {
	o := p.object(n, path, "a condition of when", []string{"variable", "equals", "not_equals", "in", "matches", "stage", "is"}, nil)
	if o == nil {
		return w
	}
	w.Variable, w.Stage, w.Matches = o.str("variable"), o.str("stage"), o.str("matches")
	if (w.Variable == "") == (w.Stage == "") {
		p.on(n, path).error("wrong-value", "a condition of when is about exactly one of variable and stage", "write each condition as a list item of its own")
		return w
	}
	text := func(key string) *string {
		if o.get(key) == nil {
			return nil
		}
		s := o.value(key)
		return &s
	}
	w.Equals, w.NotEquals = text("equals"), text("not_equals")
	w.In = p.texts(o, "in", maxPeople)
	p.regexp(o, "matches", w.Matches)
	for _, state := range p.texts(o, "is", maxWhen) {
		if !passed(fairlead.StageState(state)) {
			o.at("is").error("wrong-value", "a stage before this one cannot be "+quote(state), "known are: succeeded, ignored, skipped")
		}
		w.Is = append(w.Is, fairlead.StageState(state))
	}
	tests := 0
	for _, key := range []string{"equals", "not_equals", "in", "matches"} {
		if o.get(key) != nil {
			tests++
		}
	}
	switch {
	case w.Variable != "" && (tests != 1 || w.Is != nil):
		p.on(n, path).error("wrong-value", "a variable is compared in exactly one way: equals, not_equals, in or matches", "")
	case w.Variable != "":
		p.references(o.at("variable"), "${"+w.Variable+"}", p.known)
	case tests > 0 || len(w.Is) == 0:
		p.on(n, path).error("wrong-value", "a stage is compared by \"is\": a list of succeeded, ignored, skipped", "")
	}
	return w
}

// texts reads an optional list of scalars; a single one stands for a list of one.
func (p *parser) texts(o *object, key string, limit int) []string {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	list := []string{}
	for i, n := range o.list(key, limit) {
		if n.Kind != yaml.ScalarNode {
			p.on(n, item(o.sub(key), i)).error("wrong-type", "want a single value, not "+kindName(n), "")
			continue
		}
		list = append(list, n.Value)
	}
	return list
}

func (p *parser) review(n *yaml.Node, path string) *fairlead.Review {
	o := p.object(n, path, "review", []string{"mode", "count", "users", "groups", "comment", "expires"}, nil)
	if o == nil {
		return nil
	}
	r := &fairlead.Review{Mode: o.choice("mode", "all", []string{"all", "one", "at_least"}, nil), Users: p.texts(o, "users", maxPeople), Comment: o.bool("comment")}
	for i, n := range o.list("groups", maxPeople) {
		g := p.object(n, item(o.sub("groups"), i), "a group", []string{"group", "role"}, nil)
		if g == nil {
			continue
		}
		g.require("a group", "group")
		r.Groups = append(r.Groups, fairlead.ReviewGroup{Group: g.str("group"), Role: g.choice("role", "edit", []string{"read", "edit", "manage"}, nil)})
	}
	seen := map[string]bool{}
	for _, user := range r.Users {
		p.unique(seen, o.at("users"), "user", user)
	}
	if len(r.Users)+len(r.Groups) == 0 {
		p.on(n, path).error("missing-key", "a review needs \"users\" or \"groups\"", "")
	}
	switch {
	case r.Mode == "at_least":
		o.require("a review with mode at_least", "count")
		r.Count = p.number(o, "count", 1, 1, maxPeople)
		if len(r.Groups) == 0 && r.Count > len(r.Users) && len(r.Users) > 0 {
			o.at("count").errorf("wrong-value", "%d approvals are wanted of %d users", r.Count, len(r.Users))
		}
	case o.get("count") != nil:
		o.at("count").error("wrong-value", "\"count\" belongs to mode at_least", "")
	}
	r.Expires = p.span(o, "expires", 0, time.Second, maxHold)
	return r
}

func (p *parser) notification(n *yaml.Node, path string) (s fairlead.Notification) {
	o := p.object(n, path, "a notification", []string{"channel", "webhook", "params", "outcomes"}, nil)
	if o == nil {
		return s
	}
	if (o.get("channel") == nil) == (o.get("webhook") == nil) {
		p.on(n, path).error("wrong-value", "a notification has exactly one of channel and webhook", "write each notification as a list item of its own")
		return s
	}
	if body := o.get("webhook"); body != nil {
		s.Webhook = p.webhookCall(body, o.sub("webhook"))
		if o.get("params") != nil {
			o.at("params").error("wrong-key", "a webhook has no \"params\"", "write variables into its url, query, headers or body")
		}
	}
	if body := o.get("channel"); body != nil {
		s.Channel = p.channel(o, body)
	}
	seen := map[string]bool{}
	for i, n := range o.list("params", maxParameters) {
		t := p.object(n, item(o.sub("params"), i), "a parameter", []string{"name", "variable"}, nil)
		if t == nil {
			continue
		}
		t.require("a parameter", "name", "variable")
		m := fairlead.ParamMap{Name: t.str("name"), Variable: t.str("variable")}
		if m.Name != "" && !nameRE.MatchString(m.Name) {
			t.at("name").error("bad-name", "parameter name "+quote(m.Name)+": want letters, digits, underscores or hyphens, first a letter or underscore, at most 64", "")
		}
		p.unique(seen, t.at("name"), "parameter", m.Name)
		if m.Variable != "" {
			p.references(t.at("variable"), "${"+m.Variable+"}", p.known)
		}
		s.Params = append(s.Params, m)
	}
	s.Outcomes = p.outcomes(o)
	return s
}

// graph checks what stages say of each other: that the names exist, that there is no cycle, and that when looks only at stages
// that have ended by then.
func (p *parser) graph(o *object) {
	at := map[string]int{}
	var known []string
	for i, s := range p.spec.Stages {
		at[s.Name] = i
		known = append(known, s.Name)
	}
	nodes := o.list("stages", maxStages)
	place := func(i int, key string) place {
		for n := 0; n+1 < len(nodes[i].Content); n += 2 {
			if nodes[i].Content[n].Value == key {
				return p.on(nodes[i].Content[n+1], item("stages", i)+"."+key)
			}
		}
		return p.on(nodes[i], item("stages", i))
	}
	for i, s := range p.spec.Stages {
		seen := map[string]bool{}
		for _, name := range s.Needs {
			if _, ok := at[name]; !ok {
				place(i, "needs").error("unknown-stage", "there is no stage "+quote(name), meant(name, known))
			}
			p.unique(seen, place(i, "needs"), "stage", name)
		}
	}
	if p.failed() {
		return
	}
	g := graph.New[string]()
	for i, s := range p.spec.Stages {
		g.Add(s.Name)
		for _, n := range needsOf(p.spec.Stages, at, i) {
			g.Edge(s.Name, p.spec.Stages[n].Name)
		}
	}
	if cycles := g.Cycles(); len(cycles) > 0 {
		for _, c := range cycles {
			quoted := make([]string, len(c.Path))
			for i, name := range c.Path {
				quoted[i] = quote(name)
			}
			place(at[c.Path[0]], "needs").error("cycle", "the stages need each other in a circle: "+strings.Join(quoted, " needs "), "a stage without \"needs\" needs the one before it in the file")
		}
		return
	}
	for i, s := range p.spec.Stages {
		before := ancestors(p.spec.Stages, at, i)
		for _, w := range s.When {
			n, ok := at[w.Stage]
			switch {
			case w.Stage == "":
			case !ok:
				place(i, "when").error("unknown-stage", "there is no stage "+quote(w.Stage), meant(w.Stage, known))
			case !before[n]:
				place(i, "when").error("wrong-value", "stage "+quote(w.Stage)+" has not ended when this one begins", "add it to \"needs\"")
			}
		}
	}
}

// needsOf lists what a stage needs: what its file says, or the stage before.
func needsOf(stages []fairlead.Stage, at map[string]int, i int) (list []int) {
	if stages[i].Needs == nil {
		if i > 0 {
			return []int{i - 1}
		}
		return nil
	}
	for _, name := range stages[i].Needs {
		list = append(list, at[name])
	}
	return list
}

// ancestors are the stages that have ended before stage i begins.
func ancestors(stages []fairlead.Stage, at map[string]int, i int) map[int]bool {
	found := map[int]bool{}
	todo := needsOf(stages, at, i)
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		if !found[n] {
			found[n] = true
			todo = append(todo, needsOf(stages, at, n)...)
		}
	}
	return found
}
