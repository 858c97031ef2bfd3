import { adminZh } from "./admin.zh";
import type { Texts } from "./en";

// 控制台的中文文本。
export const zh: Texts = {
  app: {
    name: "Fairlead", menu: "菜单", overview: "总览", pipelines: "流水线", templates: "模板", stacks: "堆栈", images: "镜像", targets: "集群", channels: "频道", users: "用户", account: "我的账号",
    signOut: "退出登录", language: "语言", theme: "主题", light: "浅色", dark: "深色", system: "跟随系统", lost: "与服务器的连接已断开，正在不断重试；当前显示的内容可能已过时。", docs: "API 文档",
    skip: "跳到正文",
  },
  login: { title: "登录", user: "用户名", password: "密码", submit: "登录", required: "此项必填", hint: "服务器首次启动时会打印 admin 用户的密码。" },
  common: {
    name: "名称", description: "描述", status: "状态", health: "健康状态", created: "创建时间", updated: "更新时间", by: "操作人", type: "类型", value: "值", version: "版本", versions: "版本",
    actions: "操作", search: "按名称搜索", all: "全部", refresh: "刷新", copy: "复制", copied: "已复制", cancel: "取消", save: "保存", delete: "删除", create: "创建", add: "添加", remove: "移除",
    edit: "编辑", close: "关闭", next: "下一步", back: "上一步", download: "下载", none: "无", yes: "是", no: "否", required: "必填", optional: "选填", details: "详情", time: "时间", took: "耗时",
    message: "信息", reason: "原因", size: "大小", typeToConfirm: "请输入 {{word}} 以确认", irreversible: "此操作无法撤销。", notFound: "这里什么也没有", notFoundText: "页面不存在，或其显示的内容已被删除。",
    home: "回到总览", retry: "重试", failed: "操作未成功", loading: "加载中", more: "显示更多", chooseByKey: "按回车键或空格键选择。", saveSVG: "保存为 SVG", savePNG: "保存为 PNG", group: "流水线组", inputs: "输入参数", outputs: "输出参数",
    elements: "元素", events: "事件", history: "历史", default: "默认值", constraints: "约束", secret: "敏感", unsaved: "您的修改尚未保存。", leave: "仍要离开吗？",
    unreachable: "无法连接服务器。请检查网络连接后重试。", showAdvanced: "显示高级参数", ago: "{{time}}", line: "第 {{line}} 行", denied: "您没有此权限，请联系管理员授权。", valueNone: "无值", number: "编号",
  },
  state: {
    queued: "排队中", running: "运行中", waiting: "等待中", held: "已挂起", missing: "缺失", changed: "已变化", same: "一致", unread: "未读取", succeeded: "成功", failed: "失败", canceled: "已取消", "timed-out": "超时", pending: "未开始", delivered: "已送达", ignored: "已忽略", skipped: "已跳过",
    processing: "处理中", abnormal: "异常", healthy: "健康", unhealthy: "异常", progressing: "进行中", unknown: "未知", applying: "部署中", made: "已创建", planned: "计划中", deleting: "删除中",
  },
  verb: { create: "创建", update: "更新", replace: "替换", delete: "删除", none: "不变", adopt: "接管", upgrade: "变更", rollback: "回滚", retry: "重试" },
  overview: {
    running: "正在运行", waiting: "等待处理", forYou: "等您处理", failed: "最近失败", targets: "集群", nothingRuns: "当前没有正在运行的任务。", nothingWaits: "没有等待处理的任务。", nothingFailed: "最近没有失败的任务。",
    stacks: "堆栈", healthyStacks: "{{count}} 个堆栈中 {{healthy}} 个健康", start: "快速入门", step1: "将镜像推送到镜像仓库", step2: "上传模板", step3: "创建流水线，通过模板部署镜像",
  },
  pipelines: {
    create: "创建流水线", empty: "还没有流水线。流水线通过模板，按阶段部署镜像。", lastRun: "最近一次执行", runs: "执行次数", start: "启动", startTitle: "启动 {{name}}", startHint: "请检查全局变量。修改仅对本次执行有效。",
    stop: "停止", edit: "编辑", delete: "删除流水线", deleteText: "将删除流水线 {{name}} 及其执行历史；其堆栈会保留。", stages: "阶段", variables: "全局变量", webhooks: "Webhook 地址", history: "执行记录",
    never: "从未执行", yaml: "YAML", form: "表单", picture: "阶段", saved: "流水线 {{name}} 已保存。", conflict: "流水线已被他人修改", conflictText: "下面是两个版本。您输入的内容不会丢失：请手动合并后再覆盖保存。",
    theirs: "服务器上的当前版本", yours: "您的版本", overwrite: "用我的版本覆盖", takeTheirs: "采用服务器版本", newTitle: "新建流水线", basics: "基本信息", concurrency: "正在运行时再次启动", queue: "排队等待", reject: "拒绝启动",
    "cancel-previous": "停止之前的执行", addVariable: "添加变量", addStage: "添加阶段", stage: "阶段", stageName: "阶段名称", image: "镜像", images: "输入资源（镜像）", addImage: "添加镜像", tool: "部署工具", stack: "堆栈",
    createStack: "不存在时自动创建", target: "集群", namespace: "命名空间", template: "模板", parameters: "模板参数", timeout: "超时时间", hours: "小时", minutes: "分钟", pullAddress: "镜像地址", problems: "{{count}} 个问题",
    moveUp: "上移", moveDown: "下移", removeStage: "移除阶段", start_conditions: "自动启动", addWebhook: "添加 Webhook", webhook: "Webhook", param: "传入参数", variable: "全局变量", addParam: "添加参数",
    modeAny: "满足任一条件", modeAll: "满足全部条件", url: "保存流水线后生成地址。", notReadable: "文本不是有效的 YAML；请先更正后再使用表单。", fromText: "表单未显示的配置项会原样保留。", system: "系统变量",
    valueOfTemplate: "沿用堆栈或模板的值", runStarted: "第 {{number}} 次执行已启动。", existing: "已有：{{name}}", reviewUsers: "审核人", otherType: "此阶段的类型为 {{type}}；请在 YAML 文本中编辑。",
    taken: "已有同名流水线", takenText: "下面是两者的差异。您输入的内容不会丢失：可在表单中换一个名称，或直接覆盖保存。",
    addBefore: "在 {{stage}} 之前添加阶段", addAfter: "在 {{stage}} 之后添加阶段", addBeside: "添加与 {{stage}} 并行的阶段",
    pictureHint: "点击阶段进行配置；拖动可调整顺序，或选中后按 Alt 加方向键。", stopRun: "停止第 {{number}} 次执行", results: "结果", keepCount: "保留的历史执行数量", keepAge: "历史执行保留时长", keepAll: "全部保留", keepHint: "例如 72h、8760h。", startFrom: "默认 {{value}}",
  },
  runs: {
    title: "{{name}} 第 {{number}} 次执行", stop: "停止执行", stopText: "正在运行的阶段会在元素之间取消；已创建的资源会保留并记录。", cause: "启动方式", variables: "全局变量", log: "日志", resources: "部署资源", images: "镜像",
    digest: "摘要", attempt: "尝试次数", noLog: "暂无日志。", follow: "跟随", searchLog: "搜索日志", logStart: "回到开头", noMatch: "没有包含该文字的行。", linesAndMore: "{{count}} 行，还有更多", showAround: "查看上下文", matches: "{{count}} 行", stage: "阶段", allStages: "全部阶段", startAgain: "用这些变量再次启动", manual: "手动", webhook: "Webhook",
    openStack: "打开堆栈", lines: "{{count}} 行",
    compareMarked: "对比选中的两次执行", mark: "选择第 {{number}} 次执行", noRuns: "没有符合条件的执行记录。请启动流水线或清除筛选条件。",
  },
  decide: {
    approve: "通过", reject: "拒绝", retry: "重试阶段", rollback: "回滚其堆栈", comment: "审核意见", commentNeeded: "必须填写意见", variables: "本次重试使用的变量", votes: "已有意见", approved: "已通过", rejected: "已拒绝",
    willChange: "下一次部署将发生的变化", held: "阶段失败，执行挂起至 {{until}}。可以重试、回滚其堆栈或停止执行。", rollbackText: "该阶段的堆栈将回到最近一次正常的状态；执行保持挂起。", waits: "等待", conditions: "触发条件", met: "已满足", open: "未满足",
    compare: "与另一次执行对比", differences: "差异", same: "两次执行没有差异。", retryTitle: "重试 {{stage}}", reviewTitle: "审核 {{stage}}", messages: "触发信息", result: "处理结果", source: "来源", parameters: "参数", noMessages: "尚未收到消息。",
    newSecret: "新的签名密钥", rotate: "更换地址", rotateText: "当前地址将立即失效。", disable: "停用", enable: "启用", secretOnce: "密钥只显示这一次：", disabled: "已停用",
  },
  causes: { manual: "手动", webhook: "Webhook", channel: "频道", image: "镜像推送", schedule: "定时", retry: "重试" },
  differs: { image: "镜像 {{name}}", digest: "镜像 {{name}} 的摘要", state: "状态", message: "信息", stack: "堆栈", template: "模板", exitCode: "退出码", title: "{{pipeline}}：第 {{a}} 次与第 {{b}} 次执行" },
  sent: {
    none: "没有对外发送消息。可在流水线中设置阶段的消息通知和结果通知人。", webhook: "Webhook", email: "邮件", sms: "短信", address: "地址", subject: "主题", answer: "响应", resend: "重新发送",
    again: "由 {{by}} 重新发送", noConditions: "此次执行没有等待触发条件的阶段。", noOthers: "该流水线还没有其他执行记录。",
  },
  channels: {
    empty: "还没有频道。频道在阶段之间传递消息，首次发布时自动创建。", publish: "发布消息", publishTitle: "向 {{name}} 发布消息", publishers: "发布者", listeners: "监听者", messages: "消息", replay: "重新发送", name: "频道",
    deleteText: "将删除频道 {{name}} 及其消息。", unheard: "无人监听", published: "消息已发布。", addParam: "添加参数",
  },
  drift: {
    title: "漂移检测", look: "立即检测", none: "集群上的资源与部署时一致。", missing: "缺失", changed: "已变化", unread: "无法读取", read: "检测时间：{{time}}", states: "正常状态", restore: "回滚到此状态", current: "当前",
    protect: "启用删除保护", unprotect: "取消删除保护", copy: "复制", copyTitle: "复制 {{name}}", newName: "副本名称", protectedTag: "已保护", parent: "所属堆栈", adopt: "接管已存在的资源",
  },
  templates: {
    create: "上传模板", empty: "还没有模板。模板描述应用由哪些元素组成。", graph: "元素关系图", dependsOn: "依赖", refersTo: "引用", someElements: "共 {{all}} 个元素，图中显示所选元素附近的 {{count}} 个。", source: "文本", usedBy: "使用者", stacksUsing: "使用此模板的堆栈", deleteVersion: "删除版本",
    deleteText: "将删除模板 {{name}} 的版本 {{version}}。", compare: "对比版本", check: "检查", valid: "没有发现问题", push: "上传", drop: "将文件拖到这里，或在下方输入文本", pushed: "{{name}}@{{version}} 已上传。", newVersion: "新版本",
    file: "选择文件", unused: "没有堆栈", makeStack: "创建堆栈", noInputs: "该模板没有输入参数。",
  },
  stacks: {
    create: "创建堆栈", empty: "还没有堆栈。堆栈是模板在集群上的实例。", change: "变更", rollback: "回滚", retry: "重试", cancel: "取消操作", delete: "删除堆栈", deleteText: "堆栈 {{name}} 在集群上创建的所有资源将按相反顺序删除。",
    force: "放弃无法访问的资源", preview: "预览", previewTitle: "将发生的变化", noChange: "不会发生任何变化。", apply: "执行", onFailure: "失败时", keep: "保留已创建的资源", back: "回滚", revision: "修订号", graph: "元素关系图",
    template: "模板", target: "集群", action: "操作", plan: "计划", attributes: "属性", requires: "依赖", before: "变更前", after: "变更后", live: "集群上的值", unknownYet: "创建后可知", rollbackText: "堆栈将回到最近一次正常的状态。",
    created: "正在创建堆栈 {{name}}。", stepTemplate: "模板", stepInputs: "输入参数", stepPreview: "预览", begun: "操作已开始：{{verb}}", busy: "有操作正在进行。", choose: "选择一个元素以查看其属性。", nothing: "尚未创建任何资源。",
    drifted: "已被他人修改：{{value}}",
  },
  stageTypes: { "template-deploy": "模板部署", review: "人工审核", parallel: "多任务", job: "任务：运行至结束的容器" },
  stageForm: {
    onError: "错误处理机制", returnToStart: "出错后回到初始节点", stop: "出错后停止，超时退出", ignore: "忽略错误，继续执行", hold: "挂起时长", triggers: "触发条件", triggersText: "执行此阶段还需要满足以下条件。",
    notifications: "消息通知", notificationsText: "此阶段结束后发送以下消息。", addNotification: "添加通知", reviewMode: "审核方式", reviewAll: "全部通过", reviewOne: "任一人通过", aos: "AOS 模板", helm: "Helm 模板", release: "发布名称",
    chart: "Chart", chartURL: "Chart 仓库地址", values: "Chart 的 values", method: "请求方法", headers: "请求头", query: "查询参数", body: "请求体", onSuccess: "成功时", onFailure: "异常时",
    advanced: "高级选项", flow: "顺序与执行条件", followsBefore: "紧接上一个阶段", needs: "在这些阶段之后执行", needsNothing: "无：随流水线启动即执行",
    when: "仅在以下情况执行", whenText: "必须全部满足，否则跳过此阶段，流水线继续执行。", whenVariable: "按变量判断", whenStage: "按阶段结果判断", test: "比较方式",
    equals: "等于", not_equals: "不等于", in: "属于", matches: "匹配正则", retry: "失败后自动重试", times: "次", backoff: "首次重试前的间隔（之后逐次加倍）", rollback: "最后一次重试仍失败时，将堆栈恢复到执行前的状态",
    then: "失败后", reviewCount: "达到指定人数", count: "通过人数", reviewGroups: "审核组", role: "权限", read: "查看", edit: "编辑", manage: "管理", addGroup: "添加组",
    expires: "审核时限", expiresHint: "填 0 表示一直等待。", order: "任务执行方式", together: "并行", inTurn: "串行", onTaskFailure: "某个任务失败时",
    finish: "其他任务继续执行", stopOthers: "停止其他任务，不再启动新任务", task: "任务", addTask: "添加任务", removeTask: "移除任务", imageName: "引用名称（${image.名称}）", aosText: "按模板部署堆栈", helmText: "在 Kubernetes 上发布 Chart",
    stackAbnormal: "堆栈 {{name}} 上一次操作失败；此阶段会尝试将其恢复到期望状态。", asStack: "沿用堆栈当前的模板：{{template}}", newStack: "尚未创建", newStackName: "新堆栈名称", new: "新建",
    parametersHint: "输入 ${ 可选择变量；留空则沿用堆栈或模板中的值。", asInStack: "堆栈当前值：{{value}}", asInTemplate: "模板默认值：{{value}}",
    releaseHint: "选择已有发布则升级，填写新名称则新建。", package: "包含 Chart 或 values 文件的模板包", packageHint: "以包形式上传的模板，格式为 名称@版本。", valuesFile: "包内的 values 文件",
    createNamespace: "命名空间不存在时自动创建", wait: "等待所有资源就绪", importValues: "导入文件", kind: "消息格式", kindPlain: "通用：按此处填写的内容发送", slack: "Slack", teams: "Teams", dingtalk: "钉钉", wecom: "企业微信", feishu: "飞书",
    bodyHint: "留空则以 JSON 发送流水线、执行、阶段及结果。", people: "结果通知", user: "用户", email: "邮件", sms: "短信", addPerson: "添加通知人",
  },
  conditions: {
    add: "添加条件", webhook: "Webhook", channel: "频道（内部调用）", image: "镜像推送", schedule: "定时", repository: "镜像仓库", tag: "标签", cron: "Cron 表达式", timezone: "时区",
    signature: "签名方式", unsigned: "不签名：仅凭地址校验", semver: "或版本范围", regexp: "或匹配整个版本的正则表达式", window: "签名消息的有效时长", extra: "未映射的参数", refuse: "拒绝该消息", ignoreThem: "忽略这些参数", missed: "服务停机期间错过的时间点", skip: "忽略", runOnce: "补执行一次",
    incoming: "传入参数 → 全局变量", outgoing: "传出参数 ← 全局变量",
  },
  images: {
    empty: "还没有组织。镜像名称为 组织/仓库:标签。", createOrg: "创建组织", org: "组织", public: "公开拉取", private: "私有", repositories: "镜像仓库", tags: "镜像版本", digest: "摘要", platforms: "平台", pushedBy: "推送人",
    pushedAt: "推送时间", push: "推送", pull: "拉取", pullCommand: "拉取命令", pushTitle: "推送镜像", deleteTag: "删除版本", deleteTagText: "将删除 {{image}}；正在运行它的堆栈不受影响。", emptyRepos: "该组织中还没有镜像。",
    signIn: "先登录一次", temporary: "令牌一天内有效，且只显示这一次。", makeToken: "生成临时登录指令",
  },
  targets: {
    empty: "还没有集群。集群可以是容器引擎或 Kubernetes。", kind: "类型", host: "地址", check: "检查", answers: "可访问", silent: "无响应", add: "添加集群", deleteText: "将移除集群 {{name}}，其上的资源不受影响。",
    engine: "容器引擎", kubernetes: "Kubernetes", kubeconfig: "Kubeconfig（仅保存所用的上下文，并加密）", context: "上下文；留空表示当前上下文", missing: "缺少", inCluster: "服务器所在的集群",
  },
  users: {
    create: "创建用户", admin: "管理员", email: "邮箱", phone: "电话", locale: "语言", password: "密码", changePassword: "修改密码", oldPassword: "当前密码", newPassword: "新密码", repeat: "确认新密码", mismatch: "两次输入的密码不一致",
    changed: "密码已修改。", deleteText: "将删除用户 {{name}} 及其令牌。", tokens: "API 令牌", createToken: "创建令牌", tokenName: "用途", expires: "过期时间", never: "永不", lastUsed: "最近使用", tokenOnce: "请立即复制令牌，之后不再显示。",
    revoke: "吊销", revokeText: "使用令牌 {{name}} 的程序将被拒绝。", short: "至少 8 个字符", days: "{{count}} 天",
  },
  ...adminZh,
};
