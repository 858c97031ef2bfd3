package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

// rights is who may do what: for each kind of object and verb the actors out of nobody, outsider, reader, editor, manager (of
// group team), stranger (manager of another group), self, admin, system and puller. What is not here is denied, and nobody at
// all has to sign in.
const rights = `
pipelines in team: view   reader editor manager admin system
pipelines in team: start  reader editor manager admin system
pipelines in team: change editor manager admin system
pipelines in team: delete manager admin system
pipelines in team: grant  manager admin system
runs in team: view        reader editor manager admin system
runs in team: start       reader editor manager admin system
runs in team: change      editor manager admin system
runs in team: delete      manager admin system
runs in team: grant       manager admin system
asked runs in team: view  outsider reader editor manager stranger self admin system
asked runs in team: start reader editor manager admin system
groups in team: view      reader editor manager admin system
groups in team: start     manager admin system
groups in team: change    manager admin system
groups in team: delete    manager admin system
groups in team: grant     manager admin system
pipelines: view           outsider reader editor manager stranger self admin system
pipelines: start          reader editor manager stranger admin system
pipelines: change         editor manager stranger admin system
pipelines: delete         manager stranger admin system
groups: view              outsider reader editor manager stranger self admin system
groups: change            manager stranger admin system
named pipelines: view     admin system
named pipelines: change   admin system
templates: view           outsider reader editor manager stranger self admin system
templates: change         editor manager stranger admin system
templates: delete         manager stranger admin system
stacks: view              outsider reader editor manager stranger self admin system
stacks: change            editor manager stranger admin system
stacks: delete            manager stranger admin system
organizations: view       outsider reader editor manager stranger self admin system
organizations: change     editor manager stranger admin system
organizations: delete     manager stranger admin system
images: view              outsider reader editor manager stranger self admin system puller
images: change            editor manager stranger admin system
images: delete            manager stranger admin system
channels: view            outsider reader editor manager stranger self admin system
channels: change          editor manager stranger admin system
channels: delete          manager stranger admin system
pipeline-templates: view  outsider reader editor manager stranger self admin system
pipeline-templates: change editor manager stranger admin system
pipeline-templates: delete manager stranger admin system
targets: view             outsider reader editor manager stranger self admin system
targets: change           admin system
targets: delete           admin system
events: view              outsider reader editor manager stranger self admin system
events: change            admin system
audit: view               outsider reader editor manager stranger self admin system
audit: delete             admin system
users: view               admin system
own users: view           self admin system
own users: change         self admin system
own users: delete         admin system
own users: grant          admin system
own tokens: view          self admin system
own tokens: change        self admin system
own tokens: delete        self admin system
settings: view            admin system
settings: change          admin system
secrets: view             admin system
moons: view               admin system
`

func TestCan(t *testing.T) {
	in := func(group string, role fairlead.Role) fairlead.Roles { return fairlead.Roles{group: role} }
	actors := map[string]fairlead.Actor{
		"nobody": {}, "outsider": {User: "outsider"}, "self": {User: "self"}, "admin": {User: "boss", Admin: true},
		"reader": {User: "reader", Roles: in("team", fairlead.RoleRead)}, "editor": {User: "editor", Roles: in("team", fairlead.RoleEdit)},
		"manager": {User: "manager", Roles: in("team", fairlead.RoleManage)}, "stranger": {User: "stranger", Roles: in("other", fairlead.RoleManage)},
		"system": {Via: "webhook"}, "puller": {Via: "target prod"},
	}
	for _, line := range strings.Split(strings.TrimSpace(rights), "\n") {
		kind, rest, _ := strings.Cut(line, ": ")
		words := strings.Fields(rest)
		verb, allowed := auth.Verb(words[0]), words[1:]
		object := auth.Object{}
		var group, what string
		what, group, _ = strings.Cut(kind, " in ")
		words = strings.Fields(what)
		object.Kind, object.Group = auth.Kind(words[len(words)-1]), group
		if group != "" {
			object.Name = "shop"
		}
		switch words[0] {
		case "own":
			object.Name, object.Owner = "self", "self"
		case "asked":
			object.Asked = true
		case "named":
			object.Name = "shop"
		}
		for name, actor := range actors {
			want := fairlead.Denied
			switch {
			case name == "nobody":
				want = fairlead.Unauthenticated
			case strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+name+" "):
				want = ""
			}
			t.Run(fmt.Sprintf("%s may %s %s", name, verb, kind), func(t *testing.T) {
				wantCode(t, auth.Can(actor, verb, object), want)
			})
		}
	}
}

func TestSees(t *testing.T) {
	for _, tt := range []struct {
		name  string
		actor fairlead.Actor
		want  store.Viewer
	}{
		{"nobody sees nothing", fairlead.Actor{}, ""},
		{"a user sees what his roles show", fairlead.Actor{User: "alice"}, "alice"},
		{"an administrator sees everything", fairlead.Actor{User: "boss", Admin: true}, store.Everything},
		{"the system sees everything", fairlead.Actor{Via: "schedule"}, store.Everything},
		{"the nodes of a target see nothing", fairlead.Actor{Via: "target prod"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := auth.Sees(tt.actor); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStands(t *testing.T) {
	group := fairlead.ReviewGroup{Group: "team", Role: "edit"}
	for name, want := range map[string]bool{"read": false, "edit": true, "manage": true} {
		actor := fairlead.Actor{User: "alice", Roles: fairlead.Roles{"team": fairlead.Role(name)}}
		if got := auth.Stands(actor, group); got != want {
			t.Errorf("a member with role %s stands for team:edit: %v, want %v", name, got, want)
		}
	}
	if auth.Stands(fairlead.Actor{User: "bob", Roles: fairlead.Roles{"other": fairlead.RoleManage}}, group) {
		t.Error("a manager of another group stands for team:edit")
	}
	if auth.Stands(fairlead.Actor{Via: "webhook"}, group) {
		t.Error("the system answers a review")
	}
}

// TestRolesAreThoseOfNow tells that a role counts from the next request on.
func TestRolesAreThoseOfNow(t *testing.T) {
	a := mustOpen(t)
	ctx := t.Context()
	if err := a.db.Write(ctx, func(tx *store.Tx) error { return tx.CreateGroup(ctx, &fairlead.Group{Name: "team"}) }); err != nil {
		t.Fatal(err)
	}
	session, err := a.Login(ctx, "alice", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	check := func(want fairlead.Role) {
		t.Helper()
		basic, err := a.Basic(ctx, "alice", "correct horse")
		wantCode(t, err, "")
		bearer, err := a.Bearer(ctx, session.Token)
		wantCode(t, err, "")
		again, err := a.Again(ctx, fairlead.Actor{User: "alice", Admin: true, Roles: fairlead.Roles{"team": "manage"}})
		wantCode(t, err, "")
		if basic.Roles["team"] != want || bearer.Roles["team"] != want || again.Roles["team"] != want || again.Admin {
			t.Fatalf("roles %v, %v, %+v; want %q", basic.Roles, bearer.Roles, again, want)
		}
	}
	check("")
	if err := a.db.Write(ctx, func(tx *store.Tx) error { return tx.SetRole(ctx, "team", "alice", fairlead.RoleEdit, "boss") }); err != nil {
		t.Fatal(err)
	}
	check(fairlead.RoleEdit)
	if err := a.db.Write(ctx, func(tx *store.Tx) error { return tx.DropRole(ctx, "team", "alice") }); err != nil {
		t.Fatal(err)
	}
	check("")
	_, err = a.Again(ctx, fairlead.Actor{User: "gone"})
	wantCode(t, err, fairlead.Unauthenticated)
	_, err = a.Again(ctx, fairlead.Actor{User: "nobody"})
	wantCode(t, err, fairlead.Unauthenticated)
}
