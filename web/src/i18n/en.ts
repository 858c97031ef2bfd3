import { adminEn } from "./admin.en";

// English texts of the console. The Chinese file has the same keys: its type says so.
export const en = {
  app: {
    name: "Fairlead", menu: "Menu", overview: "Overview", pipelines: "Pipelines", templates: "Templates", stacks: "Stacks", images: "Images",
    targets: "Targets", channels: "Channels", users: "Users", account: "My account", signOut: "Sign out", language: "Language", theme: "Theme", light: "Light", dark: "Dark",
    system: "As the system", lost: "The connection to the server is lost. It is tried again all the time; what you see may be old.", docs: "API documentation",
    skip: "Skip to the content",
  },
  login: {
    title: "Sign in", user: "User", password: "Password", submit: "Sign in", required: "Please fill this in",
    hint: "The first start of the server printed the password of user admin.",
  },
  common: {
    name: "Name", description: "Description", status: "Status", health: "Health", created: "Created", updated: "Updated", by: "By", type: "Type", value: "Value",
    version: "Version", versions: "Versions", actions: "Actions", search: "Search by name", all: "All", refresh: "Refresh", copy: "Copy", copied: "Copied",
    cancel: "Cancel", save: "Save", delete: "Delete", create: "Create", add: "Add", remove: "Remove", edit: "Edit", close: "Close", next: "Next", back: "Back", download: "Download",
    none: "none", yes: "yes", no: "no", required: "required", optional: "optional", details: "Details", time: "Time", took: "Duration", message: "Message",
    reason: "Reason", size: "Size", typeToConfirm: "Type {{word}} to confirm", irreversible: "This cannot be undone.", notFound: "Nothing is here",
    notFoundText: "The page does not exist, or what it showed was deleted.", home: "To the overview", retry: "Try again", failed: "That did not work",
    loading: "Loading", more: "Show more", saveSVG: "Save as SVG", savePNG: "Save as PNG", group: "Group", inputs: "Inputs", outputs: "Outputs", elements: "Elements",
    events: "Events", history: "History", default: "Default", constraints: "Constraints", secret: "secret", unsaved: "Your changes are not saved.", leave: "Leave all the same?",
    unreachable: "The server cannot be reached. Check the connection, then try again.", showAdvanced: "Show advanced inputs", ago: "{{time}}", line: "line {{line}}",
    denied: "You may not do this. Ask an administrator for the right.", valueNone: "no value", number: "Number",
  },
  state: {
    queued: "queued", running: "running", waiting: "waiting", held: "held", missing: "missing", changed: "changed", same: "as applied", unread: "not read", succeeded: "succeeded", failed: "failed", canceled: "canceled", "timed-out": "timed out",
    pending: "pending", ignored: "ignored", skipped: "skipped", processing: "processing", abnormal: "abnormal", healthy: "healthy", unhealthy: "unhealthy",
    progressing: "progressing", unknown: "unknown", applying: "applying", made: "made", planned: "planned", deleting: "deleting",
  },
  verb: { create: "create", update: "update", replace: "replace", delete: "delete", none: "unchanged", adopt: "adopt", upgrade: "upgrade", rollback: "roll back", retry: "retry" },
  overview: {
    running: "Running now", waiting: "Waits for somebody", failed: "Failed lately", targets: "Targets", nothingRuns: "Nothing runs at the moment.",
    nothingWaits: "Nothing waits for you.", nothingFailed: "Nothing failed lately.", stacks: "Stacks", healthyStacks: "{{healthy}} of {{count}} healthy",
    start: "First steps", step1: "Push an image to the registry", step2: "Upload a template", step3: "Make a pipeline that deploys the image through the template",
  },
  pipelines: {
    create: "Create pipeline", empty: "There is no pipeline yet. A pipeline deploys images through a template, stage by stage.", lastRun: "Last run", runs: "Runs", start: "Start",
    startTitle: "Start {{name}}", startHint: "Check the variables. Changes hold for this run only.", stop: "Stop", edit: "Edit", delete: "Delete pipeline",
    deleteText: "The pipeline {{name}} and the history of its runs will be deleted. Its stacks stay.", stages: "Stages", variables: "Variables", webhooks: "Webhook addresses",
    history: "Runs", never: "never", yaml: "YAML", form: "Form", picture: "Stages", saved: "Pipeline {{name}} was saved.", conflict: "Somebody else changed the pipeline meanwhile",
    conflictText: "Below are both versions. Nothing that you typed is lost: merge by hand, then save over it.", theirs: "On the server now", yours: "Yours", overwrite: "Save mine over it",
    takeTheirs: "Take the server's", newTitle: "New pipeline", basics: "Basic data", concurrency: "When it runs already", queue: "wait in the queue", reject: "refuse to start",
    "cancel-previous": "stop the run before", addVariable: "Add variable", addStage: "Add stage", stage: "Stage", stageName: "Name of the stage", image: "Image", images: "Input images",
    addImage: "Add image", tool: "Deployment tool", stack: "Stack", createStack: "make it when it does not exist", target: "Target", namespace: "Namespace", template: "Template",
    parameters: "Parameters", timeout: "Timeout", hours: "hours", minutes: "minutes", pullAddress: "Pull address", problems: "{{count}} problems", moveUp: "Move up", moveDown: "Move down",
    removeStage: "Remove stage", start_conditions: "Start by itself", addWebhook: "Add webhook", webhook: "Webhook", param: "Message parameter", variable: "Variable", addParam: "Add parameter",
    modeAny: "any condition", modeAll: "all conditions", url: "The address is generated when the pipeline is saved.", notReadable: "The text cannot be read as YAML; correct it to use the form.",
    fromText: "Keys that the form does not show are kept as they are.", system: "given by the system", valueOfTemplate: "as in the stack or the template", runStarted: "Run {{number}} was started.",
    existing: "existing: {{name}}", reviewUsers: "Users who review", otherType: "This stage is of type {{type}}; edit it in the YAML text.",
  },
  runs: {
    title: "Run {{number}} of {{name}}", stop: "Stop run", stopText: "The running stage is canceled between elements; what was made stays and is recorded.", cause: "Cause", variables: "Variables",
    log: "Log", resources: "Resources", images: "Images", digest: "Digest", attempt: "Attempt", noLog: "No line yet.", follow: "Follow", searchLog: "Search the log", matches: "{{count}} lines",
    stage: "Stage", allStages: "All stages", startAgain: "Start again with these variables", manual: "by hand", webhook: "by webhook", openStack: "Open stack", lines: "{{count}} lines",
  },
  decide: {
    approve: "Approve", reject: "Reject", retry: "Retry stage", rollback: "Roll back its stack", comment: "Comment", commentNeeded: "A comment is needed", variables: "Variables for this try",
    votes: "Answers so far", approved: "approved", rejected: "rejected", willChange: "What the next deployment will change", held: "The stage failed and the run is held until {{until}}. Retry it, roll its stack back, or stop the run.",
    rollbackText: "The stage's stack goes back to its last good state; the run stays held.", waits: "Waits for", conditions: "Conditions", met: "met", open: "open", compare: "Compare with another run", differences: "Differences", same: "The runs do not differ.",
    retryTitle: "Retry {{stage}}", reviewTitle: "Review {{stage}}", messages: "Messages", result: "What it did", source: "From", parameters: "Parameters", noMessages: "No message was received yet.",
    newSecret: "New signing secret", rotate: "New address", rotateText: "The present address stops working at once.", disable: "Disable", enable: "Enable", secretOnce: "The secret, shown only now:", disabled: "disabled",
  },
  channels: {
    empty: "There is no channel yet. A channel carries messages from stages to stages; it is made when something first publishes to it.", publish: "Publish", publishTitle: "Publish to {{name}}", publishers: "Publishers", listeners: "Listeners",
    messages: "Messages", replay: "Send again", name: "Channel", deleteText: "Channel {{name}} and its messages will be deleted.", published: "The message was published.", addParam: "Add parameter",
  },
  drift: {
    title: "Drift", look: "Look at the target now", none: "Everything is on the target as it was applied.", missing: "missing", changed: "changed", unread: "could not be read", read: "Read {{time}}", states: "Good states", restore: "Roll back to this", current: "present",
    protect: "Protect from deletion", unprotect: "Take the protection off", copy: "Copy", copyTitle: "Copy {{name}}", newName: "Name of the copy", protectedTag: "protected", parent: "Part of", adopt: "Take over resources that exist already",
  },
  templates: {
    create: "Upload template", empty: "There is no template yet. A template describes the elements of an application.", graph: "Element graph", source: "Text", usedBy: "Read by",
    stacksUsing: "Stacks that use it", deleteVersion: "Delete version", deleteText: "Version {{version}} of template {{name}} will be deleted.", compare: "Compare with",
    check: "Check", valid: "No findings", push: "Upload", drop: "Drop a file here, or type the text below", pushed: "{{name}}@{{version}} was uploaded.", newVersion: "New version",
    file: "Choose a file", unused: "no stack", makeStack: "Make a stack", noInputs: "The template has no inputs.",
  },
  stacks: {
    create: "Create stack", empty: "There is no stack yet. A stack is a template made real on a target.", change: "Change", rollback: "Roll back", retry: "Retry", cancel: "Cancel action",
    delete: "Delete stack", deleteText: "Everything that stack {{name}} made on its target will be deleted, in reverse order.", force: "Forget what cannot be reached", preview: "Preview",
    previewTitle: "What will change", noChange: "Nothing will change.", apply: "Carry out", onFailure: "When it fails", keep: "keep what was made", back: "roll back", revision: "Revision",
    graph: "Element graph", template: "Template", target: "Target", action: "Action", plan: "Plan", attributes: "Attributes", requires: "Requires", before: "Before", after: "After",
    live: "On the target", unknownYet: "known when it is made", rollbackText: "The stack goes back to its last good state.", created: "Stack {{name}} is being made.", stepTemplate: "Template",
    stepInputs: "Inputs", stepPreview: "Preview", begun: "Action begun: {{verb}}", busy: "An action is in flight.", choose: "Choose an element to see its properties.",
    nothing: "Nothing was made yet.", drifted: "changed by somebody else: {{value}}",
  },
  stageTypes: { "template-deploy": "Template deployment", review: "Review by people", parallel: "Several tasks", job: "Job: a container that runs to its end" },
  stageForm: {
    onError: "When the stage fails", returnToStart: "end the run and go back to the first stage", stop: "stop and hold the run until somebody decides", ignore: "ignore it and go on",
    hold: "Hold for", triggers: "Trigger conditions", triggersText: "To run this stage, these must hold too.", notifications: "Notifications", notificationsText: "After this stage these messages are sent.",
    addNotification: "Add notification", reviewMode: "Who must agree", reviewAll: "all of them", reviewOne: "one of them", aos: "AOS template", helm: "Helm chart", release: "Release", chart: "Chart",
    chartURL: "Address of the chart repository", values: "Write values in the YAML text.", method: "Method", headers: "Headers", query: "Query parameters", body: "Body", onSuccess: "on success", onFailure: "on failure",
  },
  conditions: {
    add: "Add condition", webhook: "Webhook", channel: "Channel", image: "Image push", schedule: "Schedule", repository: "Repository", tag: "Tags", cron: "Cron expression", timezone: "Time zone",
  },
  images: {
    empty: "There is no organization yet. Images are named organization/repository:tag.", createOrg: "Create organization", org: "Organization", public: "everybody may pull", private: "private",
    repositories: "Repositories", tags: "Tags", digest: "Digest", platforms: "Platforms", pushedBy: "Pushed by", pushedAt: "Pushed", push: "Push", pull: "Pull", pullCommand: "Pull", pushTitle: "Push an image",
    deleteTag: "Delete tag", deleteTagText: "{{image}} will be deleted; stacks that run it keep running.", emptyRepos: "No image was pushed to this organization yet.",
    signIn: "Sign in once", temporary: "The token is valid for a day and shown only now.", makeToken: "Make a sign-in for today",
  },
  targets: {
    empty: "There is no target yet. A target is a container engine or a Kubernetes cluster.", kind: "Kind", host: "Address", check: "Check", answers: "answers", silent: "does not answer", add: "Add target",
    deleteText: "Target {{name}} will be removed. Nothing on it changes.", engine: "Container engine", kubernetes: "Kubernetes", kubeconfig: "Kubeconfig (only the context that is used is kept, encrypted)", context: "Context; empty: the current one", missing: "Missing", inCluster: "the cluster that this server runs in",
  },
  users: {
    create: "Create user", admin: "Administrator", email: "E-mail", phone: "Phone", locale: "Language", password: "Password", changePassword: "Change password", oldPassword: "Present password",
    newPassword: "New password", repeat: "New password again", mismatch: "The two passwords differ", changed: "The password was changed.", deleteText: "User {{name}} and its tokens will be deleted.",
    tokens: "API tokens", createToken: "Create token", tokenName: "What it is for", expires: "Expires", never: "never", lastUsed: "Last used", tokenOnce: "Copy the token now; it is not shown again.",
    revoke: "Revoke", revokeText: "Programs that use the token {{name}} will be refused.", short: "at least 8 characters", days: "{{count}} days",
  },
  ...adminEn,
};

export type Texts = { [S in keyof typeof en]: { [K in keyof (typeof en)[S]]: string } };
