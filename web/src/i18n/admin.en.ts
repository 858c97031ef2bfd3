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
    roleInDefault: "Role in group default", disable: "Disable", enable: "Enable", disabled: "disabled", editTitle: "Change {{name}}", disableTitle: "Disable user", disableText: "{{name}} can no longer sign in, and their tokens do not work.",
    first: "Choose a password of your own", firstText: "You signed in with the password that the server made up at its first start, and whoever reads its output knows it.", later: "Later", mine: "What I may do",
    everything: "An administrator may everything.", nothing: "You have no role in any group yet. Ask an administrator for one.", noEmail: "Without an e-mail address no notification reaches you.", saved: "Saved.", you: "you", search: "Search by name or e-mail",
  },
  gallery: {
    text: "A template is a pipeline with places to fill in: a sample that came with the server, or a pipeline that somebody made a template of.", samples: "Samples", own: "Own", ownTag: "own", search: "Search", category: "Category",
    noOwn: "There is no template of your own yet. Open a pipeline and make a template of it.", none: "No template fits.", use: "Use", look: "Look at it", fill: "Make a pipeline of it", toEditor: "Go on in the editor", file: "Pipeline file with its placeholders", deleteText: "The pipeline template {{name}} will be deleted. Pipelines that were made of it stay.",
    export: "Make a template", exportText: "Name, group and every secret of the pipeline become places to fill in.", exported: "Template {{name}} was made.", templateName: "Name of the template", title: "Title", ask: "Also ask for the values of these variables",
    "image-deployment": "Image deployment", "gray-release": "Gray release", "multi-environment": "Several environments", "chart-deployment": "Chart deployment", chain: "Chains of pipelines", test: "Tests", other: "Other",
    byForm: "By form", fromTemplate: "From a template", byYAML: "By YAML",
  },
  audit: {
    text: "Every change and every start, also by webhooks, channels, schedules and pushed images, and what was refused. Administrators see all of it, others what concerns the groups that they manage.", user: "User", kind: "Kind", name: "Name", verb: "What was done", since: "From", until: "Until",
    start: "start", change: "change", delete: "delete", grant: "give rights", what: "What happened", refused: "refused", failed: "failed half way", done: "done", none: "Nothing fits.", via: "Came by", address: "From the address", operation: "Operation", result: "Result",
  },
  auditKinds: { pipelines: "Pipelines", runs: "Runs", groups: "Groups", stacks: "Stacks", templates: "Templates", "pipeline-templates": "Pipeline templates", targets: "Targets", images: "Images", organizations: "Organizations", channels: "Channels", users: "Users", tokens: "Tokens", freezes: "Freezes", sessions: "Sign-ins", settings: "Settings" },
  freezes: {
    freezes: "Freezes", text: "While a freeze lasts, deploying stages wait and nothing is canceled; what runs already goes on.", create: "Begin a freeze", scope: "For", all: "everything", group: "Group", target: "Target", pipeline: "Pipeline", from: "From", fromNow: "From (empty: now)", until: "Until", reason: "Reason; people who wait read it",
    past: "Also those that are over", none: "Nothing is frozen.", active: "active", coming: "coming", over: "over", lifted: "lifted", lift: "Lift", liftText: "Stages that wait for this freeze ({{reason}}) begin at once.", liftedBy: "lifted by {{user}}, {{time}}",
    locks: "Locks", locksText: "A stage holds its locks while it runs; others that name the same lock wait for their turn.", holder: "Held by", waiting: "Waiting", nobody: "nobody", noLocks: "No lock is held.", hidden: "a stage of a pipeline that you may not see",
  },
  rules: {
    limitRuns: "Runs of all pipelines at once", limitStages: "Deploying stages at once", unlimited: "empty: no limit", windows: "Windows", windowsText: "Deploying stages begin only inside a window; outside they wait. Without windows they may begin at any time.", addWindow: "Add window", cron: "Opens (cron)", duration: "For", timezone: "Time zone",
    edit: "Limits and windows", editTarget: "Limits and windows of {{name}}", always: "always", wrongDuration: "want a duration such as 8h or 1h30m", locks: "Locks", locksText: "Names of locks that the stage holds while it runs, across all pipelines.", maxRuns: "Runs at once", flow: "Locks and windows",
  },
  settings: {
    text: "What the server was started with. It is changed by the flags of fairlead serve or its configuration file, and a restart.", server: "Server", publicURL: "Address of the server", registry: "Registry in the names of images", database: "Database", access: "Access", anonymous: "Everybody may pull public images",
    publish: "Services publish their ports on", private: "Webhooks may call private addresses", mail: "E-mail", mailServer: "Mail server", encrypted: "Encrypted", offered: "where the server offers it", user: "Signs in as", from: "Sender", noMail: "Nobody gets e-mail. A mail server is set with", testMail: "Send me a test",
    sms: "Text messages", gateway: "Gateway", noSMS: "Nobody gets text messages. A gateway is set with", testSMS: "Send me a test", sent: "The message was handed over; look whether it arrives.", limits: "Limits", template: "A template, at most", pipeline: "A pipeline file, at most", request: "Any other request, at most", elsewhere: "Limits of runs and stages:", auditKeep: "Audit log kept", forever: "for ever",
  },
  job: {
    container: "Container", image: "Image", imageHint: "Usually ${image.NAME} of an input image.", command: "Command", commandHint: "In place of the image's entry point, one word to a field.", args: "Arguments", env: "Environment", envHint: "Secret values are kept apart and shown as ******; leave that to keep the value.", place: "Where and with what", stack: "Stack", stackHint: "The container has this stack's target, namespace and network.",
    target: "Target", namespace: "Namespace", cpu: "CPU, at most", memory: "Memory, at most", service_account: "Service account (Kubernetes)", exitCode: "Exit code",
  },
};
