-- Tables of voicememo for PostgreSQL 14 or newer, behind PostgREST. They stand in `public`, which Supabase serves
-- without further settings, and begin with voicememo_, so that they meet nobody else's.
--
-- The roles are Supabase's: anon and authenticated may do nothing here, service_role may do what the worker does.
-- Row-level security is on and has no policies, so a grant that somebody adds by mistake still opens no row.

begin;

create table if not exists public.voicememo_schema_versions (
    version integer primary key, -- the number that a migration's file begins with
    applied_at timestamptz not null default now()
);

-- History: a row per chat, and a row per turn, ordered by the store's own sequence.
create table if not exists public.voicememo_conversations (
    chat_id text primary key,
    begun_at timestamptz not null,
    latest_at timestamptz not null
);

create table if not exists public.voicememo_messages (
    sequence bigint generated always as identity primary key,
    chat_id text not null references public.voicememo_conversations (chat_id) on delete cascade,
    message_id text not null,
    role text not null check (role in ('user', 'assistant')),
    text text not null,
    language text not null,
    at timestamptz not null,
    unique (chat_id, message_id, role)
);
create index if not exists voicememo_messages_of_chat on public.voicememo_messages (chat_id, sequence);

-- Ledger: a row per memo. All its times are this server's (voicememo_now).
create table if not exists public.voicememo_memos (
    chat_id text not null,
    message_id text not null,
    state text not null default 'received',
    reason text,
    fence bigint not null default 0, -- grows with each claim
    owner text,
    lease_until timestamptz, -- null: nobody holds it
    call uuid, -- of the call that took, parked or settled it last: who repeats that call is answered as before
    generation integer not null default 1, -- which reply this is to be
    tries integer not null default 0, -- how often it was parked after a try
    facts jsonb not null,
    received_at timestamptz not null,
    begun_at timestamptz not null, -- its age counts from here
    updated_at timestamptz not null,
    settled_at timestamptz, -- null: it is not settled
    due_at timestamptz, -- null: it is not parked
    parked_sequence bigint, -- orders the parked memos of a chat; null: it holds up none
    primary key (chat_id, message_id),
    check (state in ('received', 'kept', 'heard', 'answered-text', 'spoken', 'sending',
        'answered', 'apologised', 'ignored', 'failed', 'dead')),
    check ((settled_at is not null) = (state in ('answered', 'apologised', 'ignored', 'failed', 'dead')))
);
create index if not exists voicememo_memos_by_message on public.voicememo_memos (message_id);
create index if not exists voicememo_memos_due on public.voicememo_memos (due_at, parked_sequence)
where due_at is not null;
create index if not exists voicememo_memos_parked_in_chat on public.voicememo_memos (chat_id, parked_sequence)
where parked_sequence is not null;
create index if not exists voicememo_memos_waiting on public.voicememo_memos (received_at desc)
where state in ('failed', 'dead') or due_at is not null
    or settled_at is null and (generation > 1 or begun_at <> received_at);

create sequence if not exists public.voicememo_parked; -- places in the queues of chats

-- The story of each memo: stages, and rungs that fell.
create table if not exists public.voicememo_steps (
    sequence bigint generated always as identity primary key,
    chat_id text not null,
    message_id text not null,
    fence bigint not null,
    stage text not null,
    seconds double precision not null,
    rung text,
    error text,
    at timestamptz not null,
    foreign key (chat_id, message_id) references public.voicememo_memos (chat_id, message_id) on delete cascade
);
create index if not exists voicememo_steps_of_memo on public.voicememo_steps (chat_id, message_id, sequence);

-- The event that brought a memo, for as long as it is parked. It stands apart: it may carry a recording, and the
-- memo's own row is written often.
create table if not exists public.voicememo_events (
    chat_id text not null,
    message_id text not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    at timestamptz not null, -- the record's own time
    headers jsonb not null, -- [[name, base64], ...]
    key bytea,
    value bytea,
    primary key (chat_id, message_id),
    foreign key (chat_id, message_id) references public.voicememo_memos (chat_id, message_id) on delete cascade
);

create table if not exists public.voicememo_dead_letters (
    sequence bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event_at timestamptz not null,
    event_headers jsonb not null,
    event_key bytea,
    event_value bytea,
    reason text not null,
    stage text not null,
    chat_id text,
    message_id text,
    attempts integer not null,
    digest text,
    first_at timestamptz not null, -- when its event was first worked on
    fence bigint not null, -- of the claim that wrote it
    at timestamptz not null,
    publish_after timestamptz, -- null: the topic has it
    unique (topic, partition, "offset")
);
create index if not exists voicememo_dead_letters_unpublished on public.voicememo_dead_letters (sequence)
where publish_after is not null;
create index if not exists voicememo_dead_letters_of_memo
on public.voicememo_dead_letters (chat_id, message_id, sequence);

-- Recordings do not get smaller: keep them as they are, apart from their rows.
alter table public.voicememo_events alter column value set storage external;
alter table public.voicememo_dead_letters alter column event_value set storage external;

do $$
declare
    name text;
begin
    foreach name in array array[
        'voicememo_schema_versions', 'voicememo_conversations', 'voicememo_messages', 'voicememo_memos',
        'voicememo_steps', 'voicememo_events', 'voicememo_dead_letters'
    ] loop
        execute format('alter table public.%I enable row level security', name);
        execute format('revoke all on table public.%I from public, anon, authenticated', name);
        execute format('grant select, insert, update, delete on table public.%I to service_role', name);
    end loop;
end
$$;
revoke all on sequence public.voicememo_parked from public, anon, authenticated;
grant usage on sequence public.voicememo_parked to service_role;

insert into public.voicememo_schema_versions (version) values (1) on conflict do nothing;

commit;
