/** Conversations and their messages, each of one organization. They live in memory here: put your database in its place. */

export interface Message {
  readonly id: string
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly created_at: string
}

export interface Conversation {
  readonly id: string
  readonly owner: string
  title: string
  messages: Message[]
}

const conversations = new Map<string, Conversation>()

export const listConversations = (owner: string): Conversation[] =>
  [...conversations.values()].filter((one) => one.owner === owner)

/** @returns undefined also for a conversation of somebody else: nobody learns that it exists */
export function findConversation(owner: string, id: string): Conversation | undefined {
  const found = conversations.get(id)
  return found?.owner === owner ? found : undefined
}

export function addConversation(owner: string, title: string): Conversation {
  const added: Conversation = { id: crypto.randomUUID(), owner, title, messages: [] }
  conversations.set(added.id, added)
  return added
}

export const deleteConversation = ({ id }: Conversation): boolean => conversations.delete(id)

export function addMessage(conversation: Conversation, role: Message['role'], content: string): Message {
  const added = { id: crypto.randomUUID(), role, content, created_at: new Date().toISOString() }
  conversation.messages.push(added)
  return added
}
