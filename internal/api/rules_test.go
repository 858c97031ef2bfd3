package api_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
	"github.com/fairlead/fairlead/internal/registry"
)

// TestRulesOfConsole holds the rules that the console tells before it sends anything against those of the server. The console's
// own tests read the same file.
func TestRulesOfConsole(t *testing.T) {
	b, err := os.ReadFile("../../web/src/ui/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Rule, Value, Says string }
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	named := func(what string, check func(what, name string) error) func(string) error {
		return func(value string) error { return check(what, value) }
	}
	rules := map[string]func(value string) error{
		"channel": named("channel", fairlead.CheckName), "stack": named("stack", fairlead.CheckName), "target": named("target", fairlead.CheckName),
		"template": named("template", fairlead.CheckName), "user": named("user", fairlead.CheckName),
		"group": named("pipeline group", fairlead.CheckGroupName), "pipelineTemplate": named("pipeline template", fairlead.CheckGroupName),
		"organization": registry.CheckOrganization, "version": fairlead.CheckVersion, "email": pattern(t, "Email"), "phone": pattern(t, "Phone"),
	}
	for _, c := range cases {
		check := rules[c.Rule]
		if check == nil {
			t.Errorf("no rule %s", c.Rule)
			continue
		}
		says := ""
		if err := check(c.Value); err != nil {
			says = err.Error()
		}
		if says != c.Says {
			t.Errorf("%s %q: the server says\n%s\nand the console\n%s", c.Rule, c.Value, says, c.Says)
		}
	}
}

// pattern is the rule that the API's document has for a field of users.
func pattern(t *testing.T, field string) func(value string) error {
	f, ok := reflect.TypeFor[api.UserFields]().FieldByName(field)
	if !ok {
		t.Fatalf("users have no field %s", field)
	}
	re := regexp.MustCompile(f.Tag.Get("pattern"))
	return func(value string) error {
		if re.MatchString(value) {
			return nil
		}
		return fairlead.Errorf(fairlead.Invalid, "expected string to be %s", f.Tag.Get("patternDescription"))
	}
}
