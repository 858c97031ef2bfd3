import { useMemo } from "react";
import { Background, Controls, Handle, Position, ReactFlow, type Node, type NodeProps } from "@xyflow/react";
import { Button, Dropdown } from "antd";
import DownloadOutlined from "@ant-design/icons/DownloadOutlined";
import "@xyflow/react/dist/style.css";
import { useSettings } from "../app/settings";
import { useText } from "../i18n";
import { toneOf } from "../ui/state";
import type { Picture, Placed } from "./model";
import { save, toPNG, toSVG } from "./svg";

type BoxNode = Node<{ box: Placed; chosen: boolean; down: boolean }, "box">;

function BoxView({ data: { box, chosen, down } }: NodeProps<BoxNode>) {
  const { state } = useText();
  return (
    <div className={`box ${toneOf(box.state ?? "")}${chosen ? " chosen" : ""}`}>
      <Handle type="target" position={down ? Position.Top : Position.Left} isConnectable={false} />
      <strong>{box.title}</strong>
      <span className="dim">{box.note}</span>
      {box.state && <span className="box-state">{state(box.state)}</span>}
      <Handle type="source" position={down ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  );
}

const nodeTypes = { box: BoxView };

interface PictureViewProps {
  picture: Picture;
  /** Names the picture for readers and for the files it is saved as. */
  name: string;
  chosen?: string;
  onChoose?: (id: string) => void;
  down?: boolean;
  height?: number;
}

export function PictureView({ picture, name, chosen, onChoose, down = false, height }: PictureViewProps) {
  const { t, state } = useText();
  const { dark } = useSettings();
  const nodes = useMemo<BoxNode[]>(
    () =>
      picture.boxes.map((box) => ({
        id: box.id,
        type: "box",
        position: { x: box.x, y: box.y },
        width: box.width,
        height: box.height,
        data: { box, chosen: box.id === chosen, down },
        ariaLabel: `${box.title}${box.state ? `, ${state(box.state)}` : ""}`,
      })),
    [picture, chosen, down, state],
  );
  const edges = useMemo(() => picture.arrows.map((a) => ({ id: `${a.from}>${a.to}`, source: a.from, target: a.to, focusable: false })), [picture]);
  const download = async (kind: string) => {
    const svg = toSVG(picture, state);
    if (kind === "svg") save(`${name}.svg`, new Blob([svg], { type: "image/svg+xml" }));
    else save(`${name}.png`, await toPNG(svg, picture.width, picture.height));
  };
  return (
    <figure className="picture" aria-label={name} style={{ height: height ?? Math.min(560, Math.max(150, picture.height + 60)) }}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={dark ? "dark" : "light"}
        fitView
        fitViewOptions={{ padding: 0.1, maxZoom: 1 }}
        minZoom={0.1}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={onChoose !== undefined}
        nodesFocusable={onChoose !== undefined}
        zoomOnScroll={false}
        preventScrolling={false}
        onNodeClick={(_, node) => onChoose?.(node.id)}
        onSelectionChange={({ nodes: selected }) => {
          const first = selected[0];
          if (first && first.id !== chosen) onChoose?.(first.id);
        }}
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
      <Dropdown
        trigger={["click"]}
        menu={{ items: [{ key: "svg", label: t("common.saveSVG") }, { key: "png", label: t("common.savePNG") }], onClick: ({ key }) => void download(key) }}
      >
        <Button className="picture-save" size="small" icon={<DownloadOutlined />} aria-label={t("common.download")} />
      </Dropdown>
    </figure>
  );
}
