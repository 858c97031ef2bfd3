package auth

import "github.com/fairlead/fairlead"

// Verb is what an actor wants to do to an object.
type Verb string

// The verbs. Every route and every registry operation asks for one of them.
const (
	View   Verb = "view"   // read, list, preview, check
	Change Verb = "change" // create, upgrade, push, start, stop
	Remove Verb = "delete"
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
)

// Object is what an actor wants to do something to. Name is empty for all of a kind. Owner is the user it belongs to, for
// users and tokens.
type Object struct {
	Kind  Kind
	Name  string
	Owner string
}

// Can decides whether an actor may do verb to object: nil, Unauthenticated or Denied. It is the only place that decides.
//
// An administrator may everything, and so may the system itself, for what it does was decided before. A user may work with
// everything that is deployed, and sees the targets; of users and tokens only what is their own.
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
	if actor.Admin || actor.User == "" || mayUser(actor, verb, object) {
		return nil
	}
	what := string(object.Kind)
	if object.Name != "" {
		what += " " + object.Name
	}
	return fairlead.Errorf(fairlead.Denied, "user %s may not %s %s; an administrator may", actor.User, verb, what)
}

func mayUser(actor fairlead.Actor, verb Verb, object Object) bool {
	switch object.Kind {
	case Templates, Stacks, Pipelines, Runs, Organizations, Images, Groups, Events, Channels:
		return true
	case Targets:
		return verb == View
	case Tokens:
		return object.Owner == actor.User
	case Users:
		return object.Owner == actor.User && verb != Remove
	}
	return false
}
