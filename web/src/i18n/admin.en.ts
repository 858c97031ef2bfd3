// English texts of the pages about people and rules: groups, rights, the audit, settings, the gallery, freezes and locks.
export const adminEn = {
  places: { groups: "Groups", audit: "Audit", settings: "Settings", gallery: "Pipeline templates", freezes: "Freezes and locks" },
  roles: { role: "Role", colon: ": ", read: "read", edit: "edit", manage: "manage", none: "none", readText: "see pipelines, start and stop runs", editText: "also create and change pipelines", manageText: "also delete pipelines and decide who may do what" },
  groups: {
    create: "Create group", empty: "You have no role in any group yet. A group holds pipelines, and roles say who may do what with them. Ask an administrator for one.", emptyAdmin: "There is no group yet.",
    role: "My role", pipelines: "Pipelines", members: "Users", limit: "Runs at once", noLimit: "no limit", editTitle: "Change {{name}}", deleteTitle: "Delete group", deleteText: "The group {{name}} will be deleted. Its users lose their roles in it.",
    holds: "The group still holds pipelines. Delete them, or move them to another group, first.", user: "User", grant: "Give a role", grantTitle: "Give a role in {{name}}", grantedBy: "Given by", grantedAt: "Given", revoke: "Take away",
    revokeTitle: "Take the role away", revokeText: "{{user}} loses every right in group {{name}}.", changeRole: "Role of {{user}}", noPipelines: "The group holds no pipeline yet.", noMembers: "Nobody has a role in this group; only administrators can use it.",
    roleSaved: "{{user}} now has the role {{role}}.", nameHint: "lower-case letters, digits, hyphens and underscores; the first is a letter", all: "All pipelines of the group",
  },
  people: {
    roleInDefault: "Role in group default", disable: "Disable", enable: "Enable", disabled: "disabled", editTitle: "Change {{name}}", disableTitle: "Disable user", disableText: "{{name}} can no longer sign in, and tokens of {{name}} do not work.",
    first: "Choose a password of your own", firstText: "You signed in with the password that the server made up at its first start, and whoever reads its output knows it.", later: "Later", mine: "What I may do",
    everything: "An administrator may everything.", nothing: "You have no role in any group yet. Ask an administrator for one.", noEmail: "Without an e-mail address no notification reaches you.", saved: "Saved.", you: "you", search: "Search by name or e-mail",
  },
};
