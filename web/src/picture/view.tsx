import { useMemo, useState, type KeyboardEvent } from "react";
import { Background, Controls, ReactFlow } from "@xyflow/react";
import { Button, Dropdown } from "antd";
import DownloadOutlined from "@ant-design/icons/DownloadOutlined";
import "@xyflow/react/dist/style.css";
import { useSettings } from "../app/settings";
import { useText } from "../i18n";
import { BoxView, type BoxNode, type Side } from "./box";
import { dropPlace, type Picture } from "./model";
import { save, toPNG, toSVG } from "./svg";

const nodeTypes = { box: BoxView };

/** The height of what stands below the boxes: buttons and the legend. */
const strip = 46;

/** The kinds of arrows, when there is more than one. */
const legend = [["templates.dependsOn", undefined], ["templates.refersTo", "5 4"]] as const;

/** What can be done with the boxes of a picture that is edited. */
export interface PictureEdit {
  onAdd: (of: string, side: Side) => void;
  onMove: (id: string, side: Side, of: string) => void;
  onShift: (id: string, by: -1 | 1) => void;
}

interface PictureViewProps {
  picture: Picture;
  /** Names the picture for readers and for the files it is saved as. */
  name: string;
  chosen?: string;
  onChoose?: (id: string) => void;
  height?: number;
  edit?: PictureEdit;
}

interface Drag {
  id: string;
  x: number;
  y: number;
}

/** A picture on the screen. Enter chooses the focused box; where it is edited boxes can be dragged, or moved with Alt and an arrow key. */
export function PictureView({ picture, name, chosen, onChoose, height, edit }: PictureViewProps) {
  const { t, state } = useText();
  const { dark } = useSettings();
  const [drag, setDrag] = useState<Drag>();
  const drop = drag && dropPlace(picture, drag.id, drag.x, drag.y);
  const nodes: BoxNode[] = picture.boxes.map((box) => ({
    id: box.id,
    type: "box",
    position: drag?.id === box.id ? { x: drag.x, y: drag.y } : { x: box.x, y: box.y },
    width: box.width,
    height: box.height,
    zIndex: drag?.id === box.id ? 2 : 1,
    data: { box, chosen: box.id === chosen, down: picture.direction === "down", drop: drop?.of === box.id ? drop.side : undefined, first: !picture.arrows.some((a) => a.to === box.id), onAdd: edit?.onAdd },
    ariaLabel: [box.title, box.state && state(box.state), box.problems && t("pipelines.problems", { count: box.problems })].filter(Boolean).join(", "),
  }));
  const edges = useMemo(() => picture.arrows.map((a) => ({ id: `${a.from}>${a.to}`, source: a.from, target: a.to, focusable: false, style: a.reference ? { strokeDasharray: "5 4" } : undefined })), [picture]);
  const download = async (kind: string) => {
    const svg = toSVG(picture, state, legend.map(([key, dash]) => [t(key), dash]));
    if (kind === "svg") save(`${name}.svg`, new Blob([svg], { type: "image/svg+xml" }));
    else save(`${name}.png`, await toPNG(svg));
  };
  const keys = (e: KeyboardEvent) => {
    const node = e.target instanceof HTMLElement && e.target.classList.contains("react-flow__node") ? e.target : undefined;
    const id = node?.dataset.id;
    if (id === undefined) return;
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[e.key] as -1 | 1 | undefined;
    if (e.key === "Enter" || e.key === " ") onChoose?.(id);
    else if (edit && e.altKey && by !== undefined) edit.onShift(id, by);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <figure className="picture" aria-label={name} style={{ height: height ?? Math.min(560, Math.max(150, picture.height + strip + 10)) }} onKeyDownCapture={keys}>
      <ReactFlow
        key={picture.direction}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={dark ? "dark" : "light"}
        fitView
        fitViewOptions={{ padding: { x: edit ? "28px" : "8px", top: "8px", bottom: `${strip}px` }, minZoom: 0.5, maxZoom: 1 }}
        minZoom={0.1}
        nodesDraggable={edit !== undefined}
        nodesConnectable={false}
        elementsSelectable={false}
        nodesFocusable={onChoose !== undefined}
        disableKeyboardA11y
        ariaLabelConfig={{ "node.a11yDescription.default": t("common.chooseByKey"), "node.a11yDescription.keyboardDisabled": t("common.chooseByKey"), "edge.a11yDescription.default": "" }}
        zoomOnScroll={false}
        preventScrolling={false}
        onNodeClick={(_, node) => onChoose?.(node.id)}
        onNodeDrag={(_, node) => setDrag({ id: node.id, ...node.position })}
        onNodeDragStop={(_, node) => {
          setDrag(undefined);
          const to = dropPlace(picture, node.id, node.position.x, node.position.y);
          if (to) edit?.onMove(node.id, to.side, to.of);
        }}
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} orientation="horizontal" />
      </ReactFlow>
      {picture.arrows.some((a) => a.reference) && (
        <figcaption className="picture-legend">
          {legend.map(([key, dash]) => (
            <span key={key}><svg width="28" height="8" aria-hidden><line x1="0" y1="4" x2="28" y2="4" stroke="currentColor" strokeWidth="1.500" strokeDasharray={dash} /></svg> {t(key)}</span>
          ))}
        </figcaption>
      )}
      <Dropdown
        trigger={["click"]}
        menu={{ items: [{ key: "svg", label: t("common.saveSVG") }, { key: "png", label: t("common.savePNG") }], onClick: ({ key }) => void download(key) }}
      >
        <Button className="picture-save" size="small" icon={<DownloadOutlined />} aria-label={t("common.download")} />
      </Dropdown>
    </figure>
  );
}
