// Each node's generation and how long its acknowledgement took, under the header's chip.

import { Popover } from '@base-ui/react/popover';
import type { RefObject } from 'react';
import type { Cluster, Node } from '../api/types.ts';
import { generation, micros } from '../format/number.ts';
import { NodeStatusLabel } from './status.tsx';

interface Props {
  anchor: RefObject<HTMLButtonElement | null>;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  cluster: Cluster;
  nodes: Node[];
}

export default function PropagationPanel({ anchor, isOpen, onOpen, cluster, nodes }: Props) {
  const { total, in_sync } = cluster.nodes;
  const onOpenChange = (next: boolean, details: { event: Event }) => {
    // A press on the chip is the chip's own business; without this it would close here and open again there.
    if (!next && details.event.target instanceof globalThis.Node && anchor.current?.contains(details.event.target))
      return;
    onOpen(next);
  };
  return (
    <Popover.Root open={isOpen} onOpenChange={onOpenChange}>
      <Popover.Portal>
        <Popover.Positioner anchor={anchor} sideOffset={6} align="end" className="z-20">
          <Popover.Popup
            finalFocus={anchor}
            className="w-80 max-w-[calc(100vw-24px)] rounded-lg border border-line-strong bg-panel p-3 text-fg"
          >
            <Popover.Title className="font-semibold">Generation r{cluster.generation}</Popover.Title>
            <Popover.Description className="text-muted text-sm">
              {total === 0 ? 'No node has joined yet.' : `${in_sync} of ${total} nodes run it on every core.`}
            </Popover.Description>
            <ul className="mt-2">
              {nodes.map((node) => (
                <li
                  key={node.name}
                  className="figures grid grid-cols-[1fr_auto_3rem_4rem] items-center gap-3 border-line border-t py-1.5"
                >
                  <span className="truncate">{node.name}</span>
                  <NodeStatusLabel status={node.status} />
                  <span className="text-right font-mono text-sm">{generation(node.generation)}</span>
                  <span className="text-right text-muted text-sm">{micros(node.ack_us)}</span>
                </li>
              ))}
            </ul>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
