package pipeline

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// The variables that every run has.
const (
	sysTimestamp = "SYS_TIMESTAMP"
	sysIncrement = "SYS_INCREMENT"
)

// maxValue bounds the bytes of a variable's value and of every expanded text.
const maxValue = 64 << 10

// nameRE is the rule of names of variables, input images and webhook parameters.
var nameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// Expand replaces every ${name} in text by what lookup gives; $${ stands for a literal ${. Values are not expanded again.
// It fails on a name that lookup does not know, on a reference without its closing brace and on a result over 64 KiB.
func Expand(text string, lookup func(name string) (value string, known bool)) (string, error) {
	var out strings.Builder
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			out.WriteString(text)
			break
		}
		if at > 0 && text[at-1] == '$' {
			out.WriteString(text[:at-1] + "${")
			text = text[at+2:]
			continue
		}
		name, rest, closed := strings.Cut(text[at+2:], "}")
		if !closed {
			return "", fmt.Errorf("%s has no closing brace; write $${ for a literal ${", quote(text[at:]))
		}
		value, known := lookup(name)
		if !known {
			return "", &unknownVariable{name}
		}
		out.WriteString(text[:at] + value)
		text = rest
		if out.Len() > maxValue {
			break
		}
	}
	if out.Len() > maxValue {
		return "", fmt.Errorf("the expanded text is longer than %d bytes", maxValue)
	}
	return out.String(), nil
}

// unknownVariable is the error about a name that no variable has.
type unknownVariable struct{ name string }

func (e *unknownVariable) Error() string {
	return "variable " + quote("${"+e.name+"}") + " does not exist"
}

// references lists the names in ${...} of a text, in order, and the error of one without closing brace.
func references(text string) (names []string, err error) {
	_, err = Expand(text, func(name string) (string, bool) {
		names = append(names, name)
		return "", true
	})
	return names, err
}

// systemVariables are SYS_TIMESTAMP, the server's local time to the second and four digits of its fraction, and
// SYS_INCREMENT, the number of the run.
func systemVariables(number int64, now time.Time) map[string]string {
	now = now.Local()
	return map[string]string{
		sysTimestamp: now.Format("20060102150405") + fmt.Sprintf("%04d", now.Nanosecond()/100_000),
		sysIncrement: strconv.FormatInt(number, 10),
	}
}

// variables computes the values of a run's variables. A value of the file can read the system's variables and those above
// it; given values replace those of the file and are taken as they are.
func variables(spec *fairlead.PipelineSpec, given map[string]string, number int64, now time.Time) (map[string]string, error) {
	values := systemVariables(number, now)
	lookup := func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	for _, v := range spec.Variables {
		value, ok := given[v.Name]
		if !ok {
			var err error
			if value, err = Expand(v.Value, lookup); err != nil {
				return nil, fairlead.Errorf(fairlead.Invalid, "variable %q: %w", v.Name, err)
			}
		}
		if len(value) > maxValue {
			return nil, fairlead.Errorf(fairlead.TooLarge, "variable %q: its value has %d bytes; at most %d are allowed", v.Name, len(value), maxValue)
		}
		values[v.Name] = value
	}
	return values, nil
}

// checkGiven refuses values for variables that the pipeline does not have.
func checkGiven(spec *fairlead.PipelineSpec, given map[string]string) error {
	known := make([]string, len(spec.Variables))
	has := map[string]bool{}
	for i, v := range spec.Variables {
		known[i], has[v.Name] = v.Name, true
	}
	var diags fairlead.Diagnostics
	for name := range given {
		if has[name] {
			continue
		}
		d := fairlead.Diagnostic{Severity: fairlead.SeverityError, Code: "unknown-variable", Path: "variables." + name,
			Summary: fmt.Sprintf("pipeline %s has no variable %s", spec.Name, quote(name)), Detail: meant(name, known)}
		if name == sysTimestamp || name == sysIncrement {
			d.Code, d.Summary, d.Detail = "system-variable", name+" is set by the system", ""
		}
		diags = append(diags, d)
	}
	diags.Sort()
	return diags.Err("variables")
}

// imageParts are the patterns of organization, repository and tag.
var imageParts = [...]*regexp.Regexp{
	regexp.MustCompile(`^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$`),
	regexp.MustCompile(`^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$`),
	regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`),
}

// checkImage checks organization/repository:tag. Parts that contain a variable are checked again when the stage runs.
func checkImage(image string) error {
	organization, rest, slash := strings.Cut(image, "/")
	colon := strings.LastIndexByte(rest, ':')
	if !slash || colon < 0 || strings.Contains(image, "@") {
		return fmt.Errorf("image %s: want organization/repository:tag, all three", quote(image))
	}
	for i, part := range []string{organization, rest[:colon], rest[colon+1:]} {
		if part == "" {
			return fmt.Errorf("image %s has no %s; want organization/repository:tag, all three", quote(image), imagePartNames()[i])
		}
		if !strings.Contains(part, "${") && !imageParts[i].MatchString(part) {
			return fmt.Errorf("image %s: %s is no valid %s", quote(image), quote(part), imagePartNames()[i])
		}
	}
	return nil
}

func imagePartNames() [3]string { return [3]string{"organization", "repository", "tag"} }
