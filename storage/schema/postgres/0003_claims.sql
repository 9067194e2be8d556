-- The ledger: who holds a memo. Who asks is told by this server's clock, under the locks of the chat and of the memo,
-- so it does not matter what time a worker believes it is, or how many ask at once.
--
-- Errors that a caller can tell apart: VM001 the claim is no longer theirs, VM002 a memo does not go back, VM003 there
-- is no such memo.

begin;

-- The ledger's clock: moves on within a transaction, so that time spent waiting for a lock counts.
create or replace function public.voicememo_now()
returns timestamptz
language sql
volatile
set search_path = ''
as $$
    select clock_timestamp()
$$;

create or replace function public.voicememo_seconds(p_at timestamptz)
returns double precision
language sql
immutable
set search_path = ''
as $$
    select extract(epoch from p_at)::double precision
$$;

-- Wait for a chat's turn, which ends with the transaction, and give the memo's row, locked; without one, nulls.
create or replace function public.voicememo_locked(p_chat_id text, p_message_id text)
returns public.voicememo_memos
language plpgsql
set search_path = ''
as $$
declare
    memo public.voicememo_memos;
begin
    perform pg_advisory_xact_lock(hashtextextended('voicememo ' || p_chat_id, 0));
    select * into memo from public.voicememo_memos
    where chat_id = p_chat_id and message_id = p_message_id for update;
    return memo;
end
$$;

-- Give a memo's row, locked, if the claim still holds it.
create or replace function public.voicememo_ours(p_chat_id text, p_message_id text, p_fence bigint)
returns public.voicememo_memos
language plpgsql
set search_path = ''
as $$
declare
    memo public.voicememo_memos;
begin
    select * into memo from public.voicememo_memos
    where chat_id = p_chat_id and message_id = p_message_id for update;
    if memo.fence = p_fence and memo.lease_until > public.voicememo_now() and memo.settled_at is null then
        return memo;
    end if;
    raise exception 'the claim is no longer ours' using errcode = 'VM001';
end
$$;

-- Let somebody have a memo; a repeated call has what it got already, with a lease that runs anew.
create or replace function public.voicememo_granted(
    p_memo public.voicememo_memos, p_owner text, p_lease_seconds double precision, p_call uuid, p_again boolean
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    memo public.voicememo_memos;
    moment timestamptz := public.voicememo_now();
begin
    update public.voicememo_memos
    set fence = fence + case when p_again then 0 else 1 end,
        owner = p_owner,
        lease_until = moment + make_interval(secs => p_lease_seconds),
        call = p_call,
        updated_at = moment
    where chat_id = p_memo.chat_id and message_id = p_memo.message_id
    returning * into memo;
    return jsonb_build_object(
        'answer', 'claim',
        'fence', memo.fence,
        'state', memo.state,
        'facts', memo.facts,
        'generation', memo.generation,
        'tries', memo.tries,
        'age_seconds', public.voicememo_seconds(moment) - public.voicememo_seconds(memo.begun_at)
    );
end
$$;

-- Say who holds a memo; null: nobody does.
create or replace function public.voicememo_held(p_memo public.voicememo_memos)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    if p_memo.lease_until > moment then
        return jsonb_build_object(
            'answer', 'held',
            'owner', p_memo.owner,
            'seconds_left', public.voicememo_seconds(p_memo.lease_until) - public.voicememo_seconds(moment)
        );
    end if;
    return null;
end
$$;

-- Name the first parked memo of a chat, or the first that stands before a place in its queue.
create or replace function public.voicememo_first_parked(p_chat_id text, p_before bigint default null)
returns text
language sql
stable
set search_path = ''
as $$
    select message_id from public.voicememo_memos
    where chat_id = p_chat_id and parked_sequence is not null
        and (p_before is null or parked_sequence < p_before)
    order by parked_sequence limit 1
$$;

create or replace function public.voicememo_added(p_chat_id text, p_message_id text, p_facts jsonb)
returns public.voicememo_memos
language plpgsql
set search_path = ''
as $$
declare
    memo public.voicememo_memos;
    moment timestamptz := public.voicememo_now();
begin
    insert into public.voicememo_memos (chat_id, message_id, facts, received_at, begun_at, updated_at)
    values (p_chat_id, p_message_id, p_facts, moment, moment, moment)
    returning * into memo;
    return memo;
end
$$;

-- Take a memo that an event has brought.
create or replace function public.voicememo_claim(
    p_chat_id text, p_message_id text, p_owner text, p_lease_seconds double precision, p_facts jsonb, p_call uuid
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
    held jsonb := public.voicememo_held(memo);
    first text;
begin
    if memo.settled_at is not null then
        return jsonb_build_object('answer', 'settled', 'state', memo.state);
    end if;
    if held is not null and memo.call = p_call then
        return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, true);
    end if;
    if memo.due_at is not null then
        return jsonb_build_object('answer', 'parked');
    end if;
    if held is not null then
        return held;
    end if;
    first := public.voicememo_first_parked(p_chat_id);
    if first is not null then
        return jsonb_build_object('answer', 'behind', 'message_id', first);
    end if;
    if memo.chat_id is null then
        memo := public.voicememo_added(p_chat_id, p_message_id, p_facts);
    end if;
    return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, false);
end
$$;

-- Make the lease run anew from now.
create or replace function public.voicememo_renew(
    p_chat_id text, p_message_id text, p_fence bigint, p_lease_seconds double precision
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_ours(p_chat_id, p_message_id, p_fence);
    moment timestamptz := public.voicememo_now();
begin
    update public.voicememo_memos
    set lease_until = moment + make_interval(secs => p_lease_seconds), updated_at = moment
    where chat_id = memo.chat_id and message_id = memo.message_id;
    return jsonb_build_object('answer', 'done');
end
$$;

-- Record how far the memo got. Doing so again changes nothing.
create or replace function public.voicememo_advance(
    p_chat_id text, p_message_id text, p_fence bigint, p_state text, p_facts jsonb
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_ours(p_chat_id, p_message_id, p_fence);
    way constant text[] := array['received', 'kept', 'heard', 'answered-text', 'spoken', 'sending'];
begin
    if array_position(way, p_state) < array_position(way, memo.state) then
        raise exception 'a memo does not go back from % to %', memo.state, p_state using errcode = 'VM002';
    end if;
    update public.voicememo_memos
    set state = p_state, facts = facts || p_facts, updated_at = public.voicememo_now()
    where chat_id = memo.chat_id and message_id = memo.message_id;
    return jsonb_build_object('answer', 'done');
end
$$;

insert into public.voicememo_schema_versions (version) values (3) on conflict do nothing;

commit;
