import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import PlusOutlined from "@ant-design/icons/PlusOutlined";
import { useText, type Key } from "../i18n";
import { toneOf } from "../ui/state";
import type { Placed } from "./model";

export type Side = "before" | "after" | "beside";

export interface BoxData extends Record<string, unknown> {
  box: Placed;
  chosen: boolean;
  down: boolean;
  /** The side at which a box that is being dragged would go. */
  drop?: Side;
  /** Nothing comes before it; elsewhere the place before it is the one after another. */
  first: boolean;
  onAdd?: (of: string, side: Side) => void;
}

export type BoxNode = Node<BoxData, "box">;

export const sideText: Record<Side, Key> = { before: "pipelines.addBefore", after: "pipelines.addAfter", beside: "pipelines.addBeside" };

export function BoxView({ data: { box, chosen, down, drop, first, onAdd } }: NodeProps<BoxNode>) {
  const { t, state } = useText();
  const tone = box.problems ? "error" : toneOf(box.state ?? "");
  return (
    <div className={`box ${tone}${chosen ? " chosen" : ""}${drop ? ` drop-${drop}` : ""}`}>
      <Handle type="target" position={down ? Position.Top : Position.Left} isConnectable={false} />
      <strong>{box.title}</strong>
      <span className="dim">{box.note}</span>
      {box.state && <span className="box-state">{state(box.state)}</span>}
      {box.problems ? <span className="box-state">{t("pipelines.problems", { count: box.problems })}</span> : null}
      <Handle type="source" position={down ? Position.Bottom : Position.Right} isConnectable={false} />
      {onAdd &&
        (first ? (["before", "after", "beside"] as const) : (["after", "beside"] as const)).map((side) => (
          <button key={side} type="button" className={`box-add nodrag ${side}`} title={t(sideText[side], { stage: box.title })} aria-label={t(sideText[side], { stage: box.title })}
            onClick={(e) => { e.stopPropagation(); onAdd(box.id, side); }}
          >
            <PlusOutlined />
          </button>
        ))}
    </div>
  );
}
