package pipeline

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead"
)

// maxArguments bounds the words of a job's command and of its args.
const maxArguments = 200

// envRE is the rule of the names of a job's environment variables.
var envRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)

// job reads what a job stage, or a task, runs. known are the variables, and what the stage's images bring.
func (p *parser) job(n *yaml.Node, path, stage string, known map[string]bool) *fairlead.Job {
	o := p.object(n, path, "job", []string{"stack", "target", "namespace", "image", "command", "args", "env", "secret_env", "cpu", "memory", "service_account"}, nil)
	if o == nil {
		return nil
	}
	o.require("job", "image")
	j := &fairlead.Job{Stack: o.str("stack"), Target: o.str("target"), Namespace: o.str("namespace"), Image: o.str("image"),
		CPU: o.value("cpu"), Memory: o.value("memory"), ServiceAccount: o.str("service_account")}
	for key, name := range map[string]string{"stack": j.Stack, "target": j.Target, "namespace": j.Namespace, "service_account": j.ServiceAccount} {
		p.reference(o, key, name, known, func() error { return fairlead.CheckName(strings.ReplaceAll(key, "_", " "), name) })
	}
	p.reference(o, "image", j.Image, known, func() error { return checkAddress(j.Image) })
	p.reference(o, "cpu", j.CPU, known, func() error { return checkQuantity("cpu", j.CPU, "500m or 2") })
	p.reference(o, "memory", j.Memory, known, func() error { return checkQuantity("memory", j.Memory, "256Mi or 1Gi") })
	j.Command, j.Args = p.words(o, "command", known), p.words(o, "args", known)
	if n := o.get("env"); n != nil {
		j.Env = p.environment(n, o.sub("env"), known)
	}
	p.secretEnv(o, j, stage)
	return j
}

// words reads a list of single values, as they are written.
func (p *parser) words(o *object, key string, known map[string]bool) []string {
	var words []string
	for i, n := range o.list(key, maxArguments) {
		at := p.on(n, item(o.sub(key), i))
		if n.Kind != yaml.ScalarNode {
			at.error("wrong-type", "want a single value, not "+kindName(n), "quote it when it is meant as text")
			continue
		}
		p.references(at, n.Value, known)
		words = append(words, n.Value)
	}
	return words
}

func (p *parser) environment(n *yaml.Node, path string, known map[string]bool) map[string]string {
	env := p.values(n, path, "env", "write \"\" for an empty text", known)
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if key := n.Content[i]; !envRE.MatchString(key.Value) {
			p.on(key, path+"."+key.Value).error("bad-name", "environment variable "+quote(key.Value)+": want letters, digits, underscores, dots or hyphens, first a letter or underscore, at most 128", "")
		}
	}
	return env
}

// secretEnv takes the values of secret environment variables out of a job: those that are listed, and those whose names say so.
func (p *parser) secretEnv(o *object, j *fairlead.Job, stage string) {
	listed := p.texts(o, "secret_env", maxParameters)
	names := slices.Sorted(maps.Keys(j.Env))
	for _, name := range listed {
		if _, ok := j.Env[name]; !ok {
			o.at("secret_env").error("unknown-variable", "there is no environment variable "+quote(name)+" in env", meant(name, names))
		}
	}
	nodes := map[string]*yaml.Node{}
	if n := o.get("env"); n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			nodes[n.Content[i].Value] = n.Content[i+1]
		}
	}
	for _, name := range names {
		if !slices.Contains(listed, name) && !telling(name, nodes[name]) {
			continue
		}
		j.SecretEnv = append(j.SecretEnv, name)
		if value := j.Env[name]; value != "" {
			p.secrets = append(p.secrets, secretValue{place: envPlace(stage, name), value: value, shown: fairlead.Masked, node: nodes[name]})
			j.Env[name] = fairlead.Masked
		}
	}
}

// checkAddress checks the pull address of an image roughly: registries know better what they have.
func checkAddress(image string) error {
	if image == "" || strings.ContainsAny(image, " \t\r\n") || strings.Contains(image, "://") {
		return fmt.Errorf("image %s: want a pull address such as registry.example.com/team/tool:1.0, without scheme and blanks, or ${image.NAME} of the stage's images", quote(image))
	}
	return nil
}

// checkQuantity checks a limit in the notation of Kubernetes; it has to be more than nothing.
func checkQuantity(what, text, such string) error {
	q, err := resource.ParseQuantity(text)
	if err != nil || q.Sign() <= 0 {
		return fmt.Errorf("%s %s: want an amount such as %s", what, quote(text), such)
	}
	return nil
}
