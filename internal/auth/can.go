package auth

import (
	"fmt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// Verb is what an actor wants to do to an object.
type Verb string

// The verbs. Every route and every registry operation asks for one of them.
const (
	View   Verb = "view"   // read, list, preview, check
	Start  Verb = "start"  // start, stop, retry and roll back runs of a pipeline
	Change Verb = "change" // create, upgrade, push, and whatever else makes a difference
	Remove Verb = "delete"
	Grant  Verb = "grant" // give rights to somebody, or take them
)

// Kind is what an object is.
type Kind string

// The kinds.
const (
	Users         Kind = "users"
	Tokens        Kind = "tokens"
	Targets       Kind = "targets"
	Templates     Kind = "templates"
	Stacks        Kind = "stacks"
	Groups        Kind = "groups"
	Pipelines     Kind = "pipelines"
	Runs          Kind = "runs"
	Organizations Kind = "organizations"
	Images        Kind = "images"
	Events        Kind = "events"
	Channels      Kind = "channels"
	Audit         Kind = "audit"
	Freezes       Kind = "freezes" // of targets and of all; the others belong to what they freeze
	Locks         Kind = "locks"
	Settings      Kind = "settings"
	Sessions      Kind = "sessions" // sign-ins
	Secrets       Kind = "secrets"  // of a stack, for export

	PipelineTemplates Kind = "pipeline-templates"
)

// Object is what an actor wants to do something to. Name is empty for all of a kind, or for one that is still to be made.
type Object struct {
	Kind Kind
	// Name is what it goes by; of a run it is the name of the pipeline.
	Name string
	// Owner is the user it belongs to, for users and tokens.
	Owner string
	// Group is the pipeline group it belongs to, for groups, pipelines and runs.
	Group string
	// Asked tells that a review of the run asks the actor.
	Asked bool
}

// Can decides whether an actor may do verb to object: nil, Unauthenticated or Denied. It is the only place that decides; what
// lists show is decided by [Sees].
//
// An administrator may everything, and so may the system itself, for what it does was decided before. What belongs to a
// pipeline group takes a role there: read to view and to start, edit to change, manage to delete and to grant. What belongs to
// no group is seen by everybody who is signed in; changing it takes edit in at least one group, deleting it manage in at least
// one. Targets are changed by administrators alone. Of users and tokens everybody has what is his own.
func Can(actor fairlead.Actor, verb Verb, object Object) error {
	if actor.User == "" && actor.Via == "" {
		return fairlead.Errorf(fairlead.Unauthenticated, "sign in first: fairlead login, or send an API token")
	}
	if isPuller(actor) {
		if verb == View && object.Kind == Images {
			return nil
		}
		return fairlead.Errorf(fairlead.Denied, "%s may only pull images", actor)
	}
	if actor.Admin || actor.User == "" {
		return nil
	}
	allowed, needs := mayUser(actor, verb, object)
	if allowed {
		return nil
	}
	what := string(object.Kind)
	if object.Name != "" {
		what += " " + object.Name
	}
	return fairlead.Errorf(fairlead.Denied, "user %s may not %s %s; %s", actor.User, verb, what, needs)
}

// mayUser decides for somebody who is no administrator; needs says what is missing.
func mayUser(actor fairlead.Actor, verb Verb, object Object) (allowed bool, needs string) {
	const admin = "an administrator may"
	switch object.Kind {
	case Pipelines, Runs:
		if verb == View && object.Kind == Runs && object.Asked {
			return true, ""
		}
		return grouped(actor, verb, object, roleFor(verb))
	case Groups:
		if verb == View {
			return grouped(actor, verb, object, fairlead.RoleRead)
		}
		return grouped(actor, verb, object, fairlead.RoleManage)
	case Templates, Stacks, Organizations, Images, Channels, PipelineTemplates:
		role := roleFor(verb)
		return verb == View || actor.Roles.Anywhere(role), fmt.Sprintf("it takes the role %s in a pipeline group", role)
	case Events, Audit, Freezes, Locks:
		return verb == View, admin
	case Targets:
		return verb == View, admin
	case Tokens:
		return object.Owner == actor.User, admin
	case Users:
		return object.Owner == actor.User && (verb == View || verb == Change), admin
	}
	return false, admin
}

// grouped decides about what belongs to a pipeline group. Without a group it is about all of a kind, which everybody may view
// as far as he [Sees] it, or about a new one, which takes the role in at least one group.
func grouped(actor fairlead.Actor, verb Verb, object Object, role fairlead.Role) (bool, string) {
	switch {
	case object.Group != "":
		return actor.Roles[object.Group].Includes(role), fmt.Sprintf("it takes the role %s in pipeline group %s", role, object.Group)
	case object.Name != "": // somebody forgot to look where it belongs
		return false, "it belongs to no pipeline group"
	}
	return verb == View || actor.Roles.Anywhere(role), fmt.Sprintf("it takes the role %s in a pipeline group", role)
}

// roleFor is the role that a verb takes.
func roleFor(verb Verb) fairlead.Role {
	switch verb {
	case View, Start:
		return fairlead.RoleRead
	case Change:
		return fairlead.RoleEdit
	}
	return fairlead.RoleManage
}

// Sees is whose eyes lists are read with, so that they show what [Can] lets the actor view and nothing else.
func Sees(actor fairlead.Actor) store.Viewer {
	if !isPuller(actor) && (actor.Admin || actor.User == "" && actor.Via != "") {
		return store.Everything
	}
	return store.Viewer(actor.User)
}

// Stands reports whether the actor is one of those that a group of a review stands for.
func Stands(actor fairlead.Actor, group fairlead.ReviewGroup) bool {
	return actor.User != "" && (actor.Admin || actor.Roles[group.Group].Includes(fairlead.Role(group.Role)))
}
