import { useState } from 'react'
import { Bars } from '../../charts/bars.tsx'
import { Sparkline } from '../../charts/sparkline.tsx'
import { formatNumber } from '../../lib/format.ts'
import { Badge, Environment, Status } from '../../ui/badge.tsx'
import { Button, type ButtonLook, IconButton } from '../../ui/button.tsx'
import { Code, CodeBlock, CopyButton } from '../../ui/copy.tsx'
import { Confirm, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Fieldset, Form, Input, Select, Textarea } from '../../ui/field.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Card, Columns, Facts, Page, Section, Stat } from '../../ui/layout.tsx'
import { Mark } from '../../ui/mark.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Meter } from '../../ui/meter.tsx'
import { Notice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

/** Every component in every look, to be compared in both themes. */
export function Design() {
  return (
    <Page title="Design" state={<Badge>Development only</Badge>} intro="Every component, as the screens use it.">
      <Colors />
      <Type />
      <Buttons />
      <Fields />
      <States />
      <Data />
      <Charts />
      <Dialogs />
    </Page>
  )
}

const COLORS = [
  'canvas',
  'surface',
  'raised',
  'hover',
  'line',
  'edge',
  'ink',
  'muted',
  'accent',
  'accent-soft',
  'good',
  'good-soft',
  'warn',
  'warn-soft',
  'bad',
  'bad-soft',
  'chart-1',
  'chart-2',
  'chart-3',
  'chart-4',
  'chart-5',
  'chart-6',
]

const Colors = () => (
  <Section title="Colors">
    <div className="grid grid-cols-2 gap-3 sm:grid-cols-4 md:grid-cols-6">
      {COLORS.map((name) => (
        <div key={name} className="flex items-center gap-2">
          <div className="size-8 rounded-md border border-line" style={{ background: `var(--${name})` }} />
          <span className="text-small">{name}</span>
        </div>
      ))}
    </div>
  </Section>
)

const Type = () => (
  <Section title="Type">
    <Card>
      <p className="text-large font-medium">Large, medium: titles and figures 0123456789</p>
      <p className="font-medium">Base, medium: headings and labels</p>
      <p>Base: everything else</p>
      <p className="text-small text-muted">Small, muted: notes</p>
      <p className="font-mono text-small">Mono: ck_live_9fKq…h2Xw</p>
      <Mark className="mt-2 size-8" />
    </Card>
  </Section>
)

const LOOKS: readonly ButtonLook[] = ['primary', 'secondary', 'quiet', 'danger']

const Buttons = () => (
  <Section title="Buttons">
    <div className="flex flex-wrap gap-2">
      {LOOKS.map((look) => (
        <Button key={look} look={look}>
          {look}
        </Button>
      ))}
      <Button look="primary" disabled>
        disabled
      </Button>
      <Button look="primary" busy>
        busy
      </Button>
      <CopyButton text="copied" label="Copy key" />
      <IconButton label="Home">
        <Mark />
      </IconButton>
      <RowMenu name="example" id="01a2" items={[{ label: 'Delete', destructive: true, onSelect: () => undefined }]} />
    </div>
  </Section>
)

const Fields = () => (
  <Section title="Fields">
    <Form onSubmit={() => toast('Form sent')}>
      <Field label="Name" hint="People see it.">
        <Input defaultValue="Acme" />
      </Field>
      <Field label="Email" error="This is not an email address.">
        <Input defaultValue="acme" />
      </Field>
      <Field label="Role" optional>
        <Select>
          <option>Member</option>
          <option>Admin</option>
        </Select>
      </Field>
      <Field label="Reason">
        <Textarea />
      </Field>
      <Fieldset legend="Scopes" hint="What the key may do.">
        <Choice label="Read keys" defaultChecked />
        <Choice label="Write keys" hint="Includes rotation." />
        <Choice type="radio" name="when" label="Immediately" defaultChecked />
        <Choice type="radio" name="when" label="In an hour" />
      </Fieldset>
      <Button type="submit" look="primary">
        Save
      </Button>
    </Form>
  </Section>
)

const States = () => (
  <Section title="States">
    <div className="flex flex-wrap items-center gap-4">
      <Status kind="good">operational</Status>
      <Status kind="warn">expires soon</Status>
      <Status kind="bad">leaked</Status>
      <Status kind="off">disabled</Status>
      <Status kind="ended">revoked</Status>
      <Status kind="waiting">waiting</Status>
      <Environment name="live" />
      <Environment name="test" />
      <Badge>Pro</Badge>
      <Time at={Date.now() - 3_600_000} />
    </div>
    <Notice>For your information.</Notice>
    <Notice kind="good">It worked.</Notice>
    <Notice kind="warn">Something needs attention.</Notice>
    <Notice kind="bad">It failed.</Notice>
    <Columns>
      <Skeleton lines={3} />
      <Empty title="No keys yet" action={<Button look="primary">Create key</Button>}>
        A key lets a program call your API.
      </Empty>
    </Columns>
  </Section>
)

const ROWS = [
  { id: '1', name: 'Production', calls: 12_345 },
  { id: '2', name: 'Staging', calls: 67 },
]

function Data() {
  const [tab, setTab] = useState('usage')
  const [sort, setSort] = useState('-calls')
  return (
    <Section title="Data">
      <Columns of={4}>
        <Stat label="Requests" value="12,345" note="12 % more than before" />
        <Stat label="Errors" value="0.4 %" note="unchanged" />
        <Stat label="p95" value="182 ms" />
        <Stat label="Cost" value="$41.20" />
      </Columns>
      <Tabs
        label="Views"
        value={tab}
        onChange={setTab}
        tabs={[
          ['usage', 'Usage'],
          ['events', 'Events'],
        ]}
      />
      <Filters>
        <FilterText label="Search" value="" placeholder="Name or hint" onChange={() => undefined} />
        <FilterSelect
          label="Status"
          value=""
          options={[
            ['', 'All'],
            ['active', 'Active'],
          ]}
          onChange={() => undefined}
        />
      </Filters>
      <Table
        label="Keys"
        rows={ROWS}
        rowId={({ id }) => id}
        columns={[
          { name: 'Name', cell: ({ name }) => name, sort: 'name' },
          { name: 'Calls', cell: ({ calls }) => formatNumber(calls), numeric: true, sort: 'calls' },
        ]}
        sort={sort}
        onSort={setSort}
        onOpen={({ name }) => toast(`Opened ${name}`)}
        rowMenu={({ id, name }) => <RowMenu id={id} name={name} />}
        empty={<Empty title="No keys yet" />}
      />
      <Facts
        facts={[
          ['Id', <Code key="id">01a21fb9-6d89-705f-9124-cc29c5134397</Code>],
          ['Created', <Time key="created" at={Date.now()} />],
        ]}
      />
      <CodeBlock label="curl" code={'curl https://api.example.com/v1/things \\\n  -H "Authorization: Bearer $KEY"'} />
    </Section>
  )
}

const DAYS = Array.from({ length: 30 }, (_, day) => `Nov ${day + 1}`)

const Charts = () => (
  <Section title="Charts">
    <Card>
      <Bars
        title="Requests a day, by outcome"
        labels={DAYS}
        format={formatNumber}
        mark={{ value: 900, label: 'Limit' }}
        series={[
          { name: 'Succeeded', color: 1, values: DAYS.map((_, day) => 400 + ((day * 137) % 400)) },
          { name: 'Failed', color: 'bad', values: DAYS.map((_, day) => (day * 31) % 60) },
        ]}
      />
    </Card>
    <Meter label="API calls" used={720} held={40} limit={1_000} format={formatNumber} />
    <Meter label="Tokens" used={990_000} limit={1_000_000} format={formatNumber} />
    <Meter label="Queries" used={1_200} limit={1_000} format={formatNumber} />
    <Sparkline label="Requests of 36 hours" values={DAYS.map((_, day) => (day * 7) % 11)} />
  </Section>
)

function Dialogs() {
  const [open, setOpen] = useState<'dialog' | 'side' | 'confirm'>()
  const close = () => setOpen(undefined)
  return (
    <Section title="Dialogs">
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => setOpen('dialog')}>Dialog</Button>
        <Button onClick={() => setOpen('side')}>Side panel</Button>
        <Button onClick={() => setOpen('confirm')}>Confirm</Button>
        <Button onClick={() => toast('Key created', 'It works immediately.')}>Toast</Button>
      </div>
      <Dialog open={open === 'dialog'} onClose={close} title="A dialog">
        <p>It asks or shows something.</p>
      </Dialog>
      <Dialog open={open === 'side'} onClose={close} title="A side panel" side>
        <p>It shows one thing of a list.</p>
      </Dialog>
      <Confirm
        open={open === 'confirm'}
        onClose={close}
        title="Delete the key?"
        action="Delete key"
        typed="Production"
        onConfirm={close}
      >
        <p>Calls with it stop working within two seconds.</p>
      </Confirm>
    </Section>
  )
}
