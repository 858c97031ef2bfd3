import type { adminEn } from "./admin.en";

type Like = { [S in keyof typeof adminEn]: { [K in keyof (typeof adminEn)[S]]: string } };

// 与人员和规则有关的页面的中文文本：流水线组、权限、审计、设置、模板库、封板与锁。
export const adminZh: Like = {
  places: { groups: "流水线组", audit: "审计日志", settings: "系统设置", gallery: "流水线模板", freezes: "封板与锁" },
  roles: { role: "角色", colon: "：", read: "只读", edit: "编辑", manage: "管理", none: "无", readText: "查看流水线，启动和停止执行", editText: "还可以创建和修改流水线", manageText: "还可以删除流水线、管理组内权限" },
  groups: {
    create: "创建流水线组", empty: "您在任何流水线组中都还没有角色。流水线组用来存放流水线，角色决定谁能对其做什么。请联系管理员授权。", emptyAdmin: "还没有流水线组。",
    role: "我的角色", pipelines: "流水线", members: "用户", limit: "并发执行上限", noLimit: "不限", editTitle: "修改 {{name}}", deleteTitle: "删除流水线组", deleteText: "将删除流水线组 {{name}}，组内用户将失去其中的角色。",
    holds: "该组中仍有流水线。请先删除它们，或将其移到其他组。", user: "用户", grant: "授予角色", grantTitle: "在 {{name}} 中授予角色", grantedBy: "授予人", grantedAt: "授予时间", revoke: "收回",
    revokeTitle: "收回角色", revokeText: "{{user}} 将失去在流水线组 {{name}} 中的全部权限。", changeRole: "{{user}} 的角色", noPipelines: "该组中还没有流水线。", noMembers: "还没有用户在该组中拥有角色，目前只有管理员可以使用它。",
    roleSaved: "{{user}} 的角色现为“{{role}}”。", nameHint: "小写字母、数字、连字符和下划线，以字母开头", all: "该组的全部流水线",
  },
  people: {
    roleInDefault: "在 default 组中的角色", disable: "停用", enable: "启用", disabled: "已停用", editTitle: "修改 {{name}}", disableTitle: "停用用户", disableText: "{{name}} 将无法登录，其令牌也会失效。",
    first: "请设置您自己的密码", firstText: "您登录所用的密码由服务器首次启动时生成，能看到其输出的人都知道这个密码。", later: "以后再说", mine: "我的权限",
    everything: "管理员拥有全部权限。", nothing: "您在任何流水线组中都还没有角色。请联系管理员授权。", noEmail: "未填写邮箱，将收不到邮件通知。", saved: "已保存。", you: "本人", search: "按名称或邮箱搜索",
  },
  gallery: {
    text: "模板是留有待填项的流水线：既有服务器自带的示例，也有用户由流水线导出的模板。", samples: "示例", own: "自有", ownTag: "自有", search: "搜索", category: "类别",
    noOwn: "还没有自有模板。可打开一条流水线，将其导出为模板。", none: "没有符合条件的模板。", use: "使用", look: "查看", fill: "用此模板创建流水线", toEditor: "在编辑器中继续", file: "流水线文件（含占位符）", deleteText: "将删除流水线模板 {{name}}，由其创建的流水线会保留。",
    export: "导出模板", exportText: "流水线的名称、所属组和所有敏感值都将成为待填项。", exported: "模板 {{name}} 已生成。", templateName: "模板名称", title: "标题", ask: "同时将以下变量的值设为待填项",
    "image-deployment": "镜像部署", "gray-release": "灰度发布", "multi-environment": "多环境部署", "chart-deployment": "Chart 部署", chain: "流水线串联", test: "测试", other: "其他",
    byForm: "通过表单", fromTemplate: "从模板创建", byYAML: "通过 YAML",
  },
  audit: {
    text: "记录每一次变更和启动（包括由 Webhook、频道、定时任务和镜像推送触发的），以及被拒绝的操作。管理员可查看全部记录，其他用户可查看自己所管理的流水线组的记录。", user: "用户", kind: "对象类型", name: "名称", verb: "操作类型", since: "从", until: "到",
    start: "启动", change: "变更", delete: "删除", grant: "授权", what: "操作内容", refused: "被拒绝", failed: "中途失败", done: "已完成", none: "没有符合条件的记录。", via: "途径", address: "来源地址", operation: "操作", result: "结果",
  },
  auditKinds: { pipelines: "流水线", runs: "执行", groups: "流水线组", stacks: "堆栈", templates: "模板", "pipeline-templates": "流水线模板", targets: "集群", images: "镜像", organizations: "组织", channels: "频道", users: "用户", tokens: "令牌", freezes: "封板", sessions: "登录", settings: "系统设置" },
  freezes: {
    freezes: "封板", text: "封板期间部署阶段会等待，不会被取消；已经在运行的部署会继续。", create: "开始封板", scope: "范围", all: "全部", group: "流水线组", target: "集群", pipeline: "流水线", from: "开始时间", fromNow: "开始时间（留空表示立即）", until: "结束时间", reason: "原因（等待的人会看到）",
    past: "同时显示已结束的", none: "当前没有封板。", active: "生效中", coming: "即将开始", over: "已结束", lifted: "已解除", lift: "解除", liftText: "因此封板（{{reason}}）而等待的阶段将立即开始。", liftedBy: "{{user}} 于 {{time}} 解除",
    locks: "锁", locksText: "阶段运行时持有其锁；使用同名锁的其他阶段依次等待。", holder: "持有者", waiting: "等待者", nobody: "无", noLocks: "当前没有被持有的锁。", hidden: "您无权查看的流水线的阶段",
  },
  rules: {
    limitRuns: "全部流水线的并发执行上限", limitStages: "并发部署阶段上限", unlimited: "留空表示不限", windows: "部署窗口", windowsText: "部署阶段只在窗口内开始，在窗口外等待。未设置窗口时可随时开始。", addWindow: "添加窗口", cron: "开始时间（Cron）", duration: "时长", timezone: "时区",
    edit: "限制与窗口", editTarget: "{{name}} 的限制与窗口", always: "随时", wrongDuration: "请填写时长，例如 8h 或 1h30m", locks: "锁", locksText: "阶段运行期间持有的锁的名称，对所有流水线有效。", maxRuns: "并发执行数", flow: "锁与部署窗口",
  },
  settings: {
    text: "服务器启动时的配置。如需修改，请调整 fairlead serve 的参数或配置文件并重启。", server: "服务器", publicURL: "服务器地址", registry: "镜像地址中的仓库", database: "数据库", access: "访问", anonymous: "公开镜像可匿名拉取",
    publish: "Service 发布端口所用地址", private: "Webhook 可调用内网地址", mail: "邮件", mailServer: "邮件服务器", encrypted: "加密", offered: "服务器支持时加密", user: "登录用户", from: "发件人", noMail: "未配置邮件服务器，无法发送邮件。配置参数：", testMail: "给我发一封测试邮件",
    sms: "短信", gateway: "短信网关", noSMS: "未配置短信网关，无法发送短信。配置参数：", testSMS: "给我发一条测试短信", sent: "消息已发出，请查看是否收到。", limits: "限制", template: "模板大小上限", pipeline: "流水线文件大小上限", request: "其他请求大小上限", elsewhere: "执行与阶段的并发限制：", auditKeep: "审计日志保留期", forever: "永久",
  },
  job: {
    container: "容器", image: "镜像", imageHint: "通常为输入镜像的 ${image.名称}。", command: "启动命令", commandHint: "替代镜像的入口命令，每个词一栏。", args: "参数", env: "环境变量", envHint: "敏感值单独加密保存，显示为 ******；保持不变即沿用原值。", place: "运行位置与资源", stack: "堆栈", stackHint: "容器使用该堆栈的集群、命名空间和网络。",
    target: "集群", namespace: "命名空间", cpu: "CPU 上限", memory: "内存上限", service_account: "服务账号（Kubernetes）", exitCode: "退出码",
  },
};
