package fairlead

import "slices"

// Role is what a user may do in a pipeline group. Each holds the ones before it.
type Role string

const (
	RoleRead   Role = "read"   // see the group's pipelines and their runs; start, stop, retry and roll back runs
	RoleEdit   Role = "edit"   // make and change pipelines
	RoleManage Role = "manage" // delete pipelines, give roles, change the group
)

// ParseRole reads a role; admin is another word for manage.
func ParseRole(text string) (Role, error) {
	if text == "admin" {
		return RoleManage, nil
	}
	if r := Role(text); slices.Contains(roles[1:], r) {
		return r, nil
	}
	return "", Errorf(Invalid, "role %q: want read, edit or manage", text)
}

// roles are in the order of what they allow; the first is that of somebody who has none.
var roles = []Role{"", RoleRead, RoleEdit, RoleManage}

// Includes reports whether r allows what want allows. No role includes nothing, and no role at all includes an unknown one.
func (r Role) Includes(want Role) bool {
	have, need := slices.Index(roles, r), slices.Index(roles, want)
	return need > 0 && have >= need
}

// Roles are the roles of a user by pipeline group.
type Roles map[string]Role

// Anywhere reports whether the role, or one that includes it, is held in at least one group.
func (r Roles) Anywhere(want Role) bool {
	for _, role := range r {
		if role.Includes(want) {
			return true
		}
	}
	return false
}

// GroupRole is a user's role in one group.
type GroupRole struct {
	Group string `json:"group"`
	Role  Role   `json:"role" enum:"read,edit,manage"`
}
