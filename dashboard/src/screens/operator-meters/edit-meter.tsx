import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { Meter } from '../../api/types.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm } from '../../ui/dialog.tsx'
import { Field, Form, Input, Select } from '../../ui/field.tsx'
import { Facts, Page } from '../../ui/layout.tsx'
import { Link, textLink, useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { KINDS } from './meters.tsx'

const LIST = '/operator/meters'
/** The fields that the server may name in a refusal. */
const FIELDS = ['slug', 'name', 'unit', 'kind', 'scale'] as const

const above = (
  <Link to={LIST} className={textLink}>
    Meters
  </Link>
)

export function NewMeter() {
  const [form, setForm] = useState({ slug: '', name: '', unit: '', kind: 'counter', scale: '0' })
  const { mutate, error, isPending } = useChange('POST /admin/meters')
  const go = useGo()
  const change = (part: Partial<typeof form>) => setForm({ ...form, ...part })
  function define(): void {
    const kind = form.kind === 'gauge' ? 'gauge' : 'counter'
    mutate(
      { body: { slug: form.slug.trim(), name: form.name, unit: form.unit, kind, scale: Number(form.scale) } },
      {
        onSuccess() {
          toast('Meter defined', 'Requests can use it from now on.')
          go(LIST)
        },
      },
    )
  }
  return (
    <Page title="Define meter" above={above}>
      <Form onSubmit={define}>
        <ErrorNotice error={error} except={FIELDS} />
        <Field
          label="Slug"
          hint="The name in quantities of requests, such as images. It cannot be changed later."
          error={error?.fieldError('slug')}
        >
          <Input className="font-mono" value={form.slug} onChange={({ target }) => change({ slug: target.value })} />
        </Field>
        <Field label="Name" hint="What customers see, such as Images." error={error?.fieldError('name')}>
          <Input value={form.name} onChange={({ target }) => change({ name: target.value })} />
        </Field>
        <Field label="Unit" hint="In the plural, such as images or seconds." error={error?.fieldError('unit')}>
          <Input value={form.unit} onChange={({ target }) => change({ unit: target.value })} />
        </Field>
        <Field label="Kind" error={error?.fieldError('kind')}>
          <Select value={form.kind} onChange={({ target }) => change({ kind: target.value })}>
            <option value="counter">Adds up from zero in each period</option>
            <option value="gauge">A level: the latest reading counts</option>
          </Select>
        </Field>
        <Field label="Decimals" hint="Decimal places of an amount, 0 to 6." error={error?.fieldError('scale')}>
          <Input
            inputMode="numeric"
            value={form.scale}
            onChange={({ target }) => change({ scale: target.value.trim() })}
          />
        </Field>
        <Actions>
          <Button onClick={() => go(LIST)}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Define meter
          </Button>
        </Actions>
      </Form>
    </Page>
  )
}

export function EditMeter() {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  const { data: meter, error, refetch } = useRead('GET /admin/meters/{slug}', { params: { slug: id } })
  if (!meter)
    return (
      <Page title="Meter" above={above}>
        {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton lines={4} />}
      </Page>
    )
  return meter.is_builtin ? <BuiltIn meter={meter} /> : <Editor key={meter.updated_at} meter={meter} />
}

const facts = ({ slug, unit, kind, scale }: Meter) =>
  [
    ['Slug', <code className="font-mono text-small">{slug}</code>],
    ['Unit', unit],
    ['Kind', KINDS[kind]],
    ['Decimals', String(scale)],
  ] as const

function BuiltIn({ meter }: { readonly meter: Meter }) {
  return (
    <Page title={meter.name} state={<Badge>Built in</Badge>} above={above}>
      <Facts facts={facts(meter)} />
      <p className="text-muted">It is part of Tollgate and cannot be changed or deleted.</p>
    </Page>
  )
}

function Editor({ meter }: { readonly meter: Meter }) {
  const [form, setForm] = useState({ name: meter.name, unit: meter.unit })
  const [isDeleting, setIsDeleting] = useState(false)
  const { mutate, error, isPending } = useChange('PATCH /admin/meters/{slug}')
  function save(): void {
    mutate({ params: { slug: meter.slug }, body: form }, { onSuccess: () => toast('Meter renamed') })
  }
  return (
    <Page
      title={meter.name}
      state={<Badge>{meter.slug}</Badge>}
      above={above}
      actions={<Button onClick={() => setIsDeleting(true)}>Delete meter</Button>}
    >
      <Facts facts={facts(meter)} />
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={FIELDS} />
        <Field label="Name" error={error?.fieldError('name')}>
          <Input value={form.name} onChange={({ target }) => setForm({ ...form, name: target.value })} />
        </Field>
        <Field label="Unit" error={error?.fieldError('unit')}>
          <Input value={form.unit} onChange={({ target }) => setForm({ ...form, unit: target.value })} />
        </Field>
        <Actions>
          <Button type="submit" look="primary" busy={isPending}>
            Save meter
          </Button>
        </Actions>
      </Form>
      {isDeleting && <DeleteMeter meter={meter} onClose={() => setIsDeleting(false)} />}
    </Page>
  )
}

function DeleteMeter({ meter, onClose }: { readonly meter: Meter; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /admin/meters/{slug}')
  const go = useGo()
  function remove(): void {
    mutate(
      { params: { slug: meter.slug } },
      {
        onSuccess() {
          toast('Meter deleted')
          go(LIST)
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${meter.name}`}
      action="Delete meter"
      busy={isPending}
      error={error}
      onConfirm={remove}
    >
      <p>You can delete a meter only if nothing limits it and no usage of it was recorded.</p>
    </Confirm>
  )
}
