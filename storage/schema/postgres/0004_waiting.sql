-- The ledger: how a memo ends, waits, and is taken up again.
--
-- An event comes in two parts: what is small as JSON ({"topic", "partition", "offset", "at", "headers", "key"}, the key
-- in base64), and its value, which may carry a recording, as base64 of its own.

begin;

-- Add lines to a memo's story: [{"stage", "seconds", "rung", "error"}, ...].
create or replace function public.voicememo_add_steps(p_memo public.voicememo_memos, p_steps jsonb)
returns void
language sql
set search_path = ''
as $$
    insert into public.voicememo_steps (chat_id, message_id, fence, stage, seconds, rung, error, at)
    select
        p_memo.chat_id, p_memo.message_id, p_memo.fence, step ->> 'stage', (step ->> 'seconds')::double precision,
        step ->> 'rung', step ->> 'error', public.voicememo_now()
    from jsonb_array_elements(p_steps) with ordinality as steps (step, number)
    order by number
$$;

create or replace function public.voicememo_keep_event(
    p_chat_id text, p_message_id text, p_event jsonb, p_value text
)
returns void
language plpgsql
set search_path = ''
as $$
begin
    delete from public.voicememo_events where chat_id = p_chat_id and message_id = p_message_id;
    insert into public.voicememo_events (
        chat_id, message_id, topic, partition, "offset", at, headers, key, value
    ) values (
        p_chat_id, p_message_id, p_event ->> 'topic', (p_event ->> 'partition')::integer,
        (p_event ->> 'offset')::bigint, to_timestamp((p_event ->> 'at')::double precision), p_event -> 'headers',
        decode(p_event ->> 'key', 'base64'), decode(p_value, 'base64')
    );
end
$$;

-- Park a memo: one that has a place in its chat's queue keeps it, one that holds up its chat no more gives it up.
create or replace function public.voicememo_parked_at(
    p_memo public.voicememo_memos, p_due_at timestamptz, p_holds_chat boolean
)
returns void
language sql
set search_path = ''
as $$
    update public.voicememo_memos
    set due_at = p_due_at,
        parked_sequence = case
            when p_holds_chat then coalesce(parked_sequence, nextval('public.voicememo_parked'))
        end,
        updated_at = public.voicememo_now()
    where chat_id = p_memo.chat_id and message_id = p_memo.message_id
$$;

-- Give up the lease unsettled; a stale claim is left alone.
create or replace function public.voicememo_release(
    p_chat_id text, p_message_id text, p_fence bigint, p_steps jsonb
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos;
begin
    memo := public.voicememo_ours(p_chat_id, p_message_id, p_fence);
    perform public.voicememo_add_steps(memo, p_steps);
    update public.voicememo_memos set lease_until = null, updated_at = public.voicememo_now()
    where chat_id = memo.chat_id and message_id = memo.message_id;
    return jsonb_build_object('answer', 'done');
exception
    when sqlstate 'VM001' then
        return jsonb_build_object('answer', 'done');
end
$$;

-- End the memo, with its story and its dead letter, and give up the lease.
create or replace function public.voicememo_settle(
    p_chat_id text, p_message_id text, p_fence bigint, p_state text, p_reason text, p_facts jsonb, p_steps jsonb,
    p_letter jsonb, p_event jsonb, p_value text, p_call uuid
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
begin
    if memo.call = p_call then
        return jsonb_build_object('answer', 'done');
    end if;
    memo := public.voicememo_ours(p_chat_id, p_message_id, p_fence);
    perform public.voicememo_add_steps(memo, p_steps);
    delete from public.voicememo_events where chat_id = p_chat_id and message_id = p_message_id;
    if p_letter is not null then
        perform public.voicememo_write_letter(p_letter, p_event, p_value, memo.begun_at, true);
    end if;
    update public.voicememo_memos
    set state = p_state,
        reason = p_reason,
        facts = facts || p_facts,
        settled_at = public.voicememo_now(),
        updated_at = public.voicememo_now(),
        lease_until = null,
        due_at = null,
        parked_sequence = null,
        call = p_call
    where chat_id = p_chat_id and message_id = p_message_id;
    return jsonb_build_object('answer', 'done');
end
$$;

-- Give up the lease until the memo is due, and let its chat wait behind it.
create or replace function public.voicememo_park(
    p_chat_id text, p_message_id text, p_fence bigint, p_event jsonb, p_value text, p_seconds double precision,
    p_reason text, p_facts jsonb, p_steps jsonb, p_holds_chat boolean, p_call uuid
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
begin
    if memo.call = p_call then
        return jsonb_build_object('answer', 'done');
    end if;
    memo := public.voicememo_ours(p_chat_id, p_message_id, p_fence);
    perform public.voicememo_add_steps(memo, p_steps);
    perform public.voicememo_keep_event(p_chat_id, p_message_id, p_event, p_value);
    perform public.voicememo_parked_at(
        memo, public.voicememo_now() + make_interval(secs => p_seconds), p_holds_chat
    );
    update public.voicememo_memos
    set reason = p_reason, facts = facts || p_facts, tries = tries + 1, lease_until = null, call = p_call
    where chat_id = p_chat_id and message_id = p_message_id;
    return jsonb_build_object('answer', 'done');
end
$$;

-- Park a new memo behind the parked ones of its chat; false when there are none any more.
create or replace function public.voicememo_park_behind(
    p_chat_id text, p_message_id text, p_event jsonb, p_value text, p_facts jsonb
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
begin
    if memo.settled_at is not null or memo.due_at is not null then
        return jsonb_build_object('answer', 'done', 'parked', true);
    end if;
    if public.voicememo_held(memo) is not null or public.voicememo_first_parked(p_chat_id) is null then
        return jsonb_build_object('answer', 'done', 'parked', false);
    end if;
    if memo.chat_id is null then
        memo := public.voicememo_added(p_chat_id, p_message_id, p_facts);
    end if;
    perform public.voicememo_keep_event(p_chat_id, p_message_id, p_event, p_value);
    perform public.voicememo_parked_at(memo, public.voicememo_now(), true);
    return jsonb_build_object('answer', 'done', 'parked', true);
end
$$;

-- Take a parked memo; it stays parked until it is settled.
create or replace function public.voicememo_resume(
    p_chat_id text, p_message_id text, p_owner text, p_lease_seconds double precision, p_call uuid
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
    if memo.chat_id is null then
        raise exception 'there is no such memo' using errcode = 'VM003';
    end if;
    if memo.settled_at is not null then
        return jsonb_build_object('answer', 'settled', 'state', memo.state);
    end if;
    if held is not null and memo.call = p_call then
        return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, true);
    end if;
    if held is not null then
        return held;
    end if;
    if memo.due_at is null or memo.parked_sequence is not null then
        first := public.voicememo_first_parked(p_chat_id, memo.parked_sequence);
        if first is not null then
            return jsonb_build_object('answer', 'behind', 'message_id', first);
        end if;
    end if;
    return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, false);
end
$$;

-- Take a memo that has failed, as an operator; it becomes unsettled, and its age begins anew. Where its event is known
-- it is parked from now on.
create or replace function public.voicememo_revive(
    p_chat_id text, p_message_id text, p_owner text, p_lease_seconds double precision, p_without text[],
    p_again boolean, p_call uuid
)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
    held jsonb := public.voicememo_held(memo);
    moment timestamptz := public.voicememo_now();
begin
    if memo.chat_id is null then
        raise exception 'there is no such memo' using errcode = 'VM003';
    end if;
    if held is not null and memo.call = p_call then
        return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, true);
    end if;
    if held is not null then
        return held;
    end if;
    if memo.settled_at is not null and memo.state not in ('failed', 'dead') and not p_again then
        return jsonb_build_object('answer', 'settled', 'state', memo.state);
    end if;
    update public.voicememo_memos
    set state = case when settled_at is not null or cardinality(p_without) > 0 then 'received' else state end,
        reason = null,
        facts = facts - p_without,
        generation = generation + p_again::integer,
        tries = 0,
        begun_at = moment,
        settled_at = null
    where chat_id = p_chat_id and message_id = p_message_id;
    if public.voicememo_event_restored(p_chat_id, p_message_id) then
        perform public.voicememo_parked_at(memo, moment, true);
    end if;
    return public.voicememo_granted(memo, p_owner, p_lease_seconds, p_call, false);
end
$$;

insert into public.voicememo_schema_versions (version) values (4) on conflict do nothing;

commit;
