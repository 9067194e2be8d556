-- What is kept is let go of: memos are emptied, and people are forgotten (storage/purging.py).

begin;

alter table public.voicememo_memos add column if not exists purged_at timestamptz; -- null: it was not emptied
create index if not exists voicememo_memos_settled on public.voicememo_memos (settled_at) where settled_at is not null;

-- People by a pseudonym of theirs: a memo of theirs that was sent before is not answered.
create table if not exists public.voicememo_forgotten (
    person text primary key,
    at timestamptz not null
);
alter table public.voicememo_forgotten enable row level security;
revoke all on table public.voicememo_forgotten from public, anon, authenticated;
grant select, insert, update, delete on table public.voicememo_forgotten to service_role;

create or replace function public.voicememo_is_forgotten(p_facts jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
    select exists (
        select from public.voicememo_forgotten
        where person = p_facts ->> 'who' and at >= (p_facts ->> 'sent_at')::timestamptz
    )
$$;

-- Note that a person is forgotten from now on.
create or replace function public.voicememo_forget(p_who text)
returns jsonb
language sql
set search_path = ''
set lock_timeout = '5s'
as $$
    insert into public.voicememo_forgotten (person, at) values (p_who, public.voicememo_now())
    on conflict (person) do update set at = excluded.at;
    select jsonb_build_object('answer', 'done')
$$;

-- As in 0003; a new memo of a forgotten person is settled.
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
    if memo.chat_id is null and public.voicememo_is_forgotten(p_facts) then
        return jsonb_build_object('answer', 'settled', 'state', 'ignored');
    end if;
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

-- As in 0004; a new memo of a forgotten person is not stored.
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
    if memo.chat_id is null and public.voicememo_is_forgotten(p_facts) then
        return jsonb_build_object('answer', 'done', 'parked', true);
    end if;
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

-- As in 0004; a memo that was emptied stays as it is.
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
    if memo.purged_at is not null or (
        memo.settled_at is not null and memo.state not in ('failed', 'dead') and not p_again
    ) then
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

-- As in 0006; and when it was emptied.
create or replace function public.voicememo_story(
    p_memo public.voicememo_memos, p_moment timestamptz, p_with_steps boolean
)
returns jsonb
language sql
stable
set search_path = ''
as $$
    select jsonb_build_object(
        'chat_id', p_memo.chat_id,
        'message_id', p_memo.message_id,
        'state', p_memo.state,
        'reason', p_memo.reason,
        'fence', p_memo.fence,
        'owner', case when p_memo.lease_until > p_moment then p_memo.owner end,
        'received_at', public.voicememo_seconds(p_memo.received_at),
        'settled_at', public.voicememo_seconds(p_memo.settled_at),
        'facts', p_memo.facts,
        'generation', p_memo.generation,
        'tries', p_memo.tries,
        'due_at', public.voicememo_seconds(p_memo.due_at),
        'purged_at', public.voicememo_seconds(p_memo.purged_at),
        'lease_until', case
            when p_memo.lease_until > p_moment then public.voicememo_seconds(p_memo.lease_until)
        end,
        'steps', case
            when p_with_steps then coalesce((
                select jsonb_agg(jsonb_build_array(stage, seconds, rung, error, fence) order by sequence)
                from public.voicememo_steps
                where chat_id = p_memo.chat_id and message_id = p_memo.message_id
            ), '[]')
            else '[]'
        end
    )
$$;

-- As in 0006; a memo that was emptied waits for nobody.
create or replace function public.voicememo_waiting(p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(public.voicememo_story(memo, moment, false) order by number)
        from (
            select
                waits,
                row_number() over (order by received_at desc, chat_id collate "C", message_id collate "C") as number
            from public.voicememo_memos as waits
            where (state in ('failed', 'dead') or due_at is not null
                    or settled_at is null and (generation > 1 or begun_at <> received_at))
                and (due_at is not null or lease_until is null or lease_until <= moment)
                and purged_at is null
            order by number limit p_limit
        ) as waiting (memo, number)
    ), '[]'));
end
$$;

-- Tell of memos that were settled so long ago, emptied or not yet; the oldest first.
create or replace function public.voicememo_settled(p_seconds double precision, p_purged boolean, p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(public.voicememo_story(memo, moment, false) order by number)
        from (
            select
                old,
                row_number() over (order by settled_at, chat_id collate "C", message_id collate "C") as number
            from public.voicememo_memos as old
            where settled_at < moment - make_interval(secs => p_seconds) and (purged_at is not null) = p_purged
            order by number limit p_limit
        ) as settled (memo, number)
    ), '[]'));
end
$$;

-- Tell of all memos, chat by chat; those after that one.
create or replace function public.voicememo_memos_after(p_chat_id text, p_message_id text, p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(public.voicememo_story(memo, moment, false) order by number)
        from (
            select later, row_number() over (order by chat_id, message_id) as number
            from public.voicememo_memos as later
            where p_chat_id is null or (chat_id, message_id) > (p_chat_id, p_message_id)
            order by chat_id, message_id limit p_limit
        ) as page (memo, number)
    ), '[]'));
end
$$;

-- Hold a memo to empty it: one that was settled so long ago, where that is asked.
create or replace function public.voicememo_take(
    p_chat_id text, p_message_id text, p_owner text, p_lease_seconds double precision, p_seconds double precision
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
    if memo.chat_id is null or memo.purged_at is not null
        or coalesce(memo.settled_at, moment) >= moment - make_interval(secs => p_seconds)
    then
        return jsonb_build_object('answer', 'none');
    end if;
    if held is not null then
        return held;
    end if;
    return public.voicememo_granted(memo, p_owner, p_lease_seconds, null, false);
end
$$;

-- Delete the turns of one memo, or all of a chat; a chat without any is deleted too.
create or replace function public.voicememo_drop_turns(p_chat_id text, p_message_id text)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    -- Whoever adds turns locks the chat's row first; so what was added while we waited for that is seen below.
    perform from public.voicememo_conversations where chat_id = p_chat_id for update;
    delete from public.voicememo_messages
    where chat_id = p_chat_id and (p_message_id is null or message_id = p_message_id);
    delete from public.voicememo_conversations
    where chat_id = p_chat_id
        and not exists (select from public.voicememo_messages where chat_id = p_chat_id);
    return jsonb_build_object('answer', 'done');
end
$$;

-- Delete everything of a memo but that it was; one that is not settled ends here.
create or replace function public.voicememo_empty(p_chat_id text, p_message_id text, p_fence bigint, p_who text)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    memo public.voicememo_memos := public.voicememo_locked(p_chat_id, p_message_id);
    moment timestamptz := public.voicememo_now();
begin
    if memo.fence = p_fence and memo.lease_until > moment then
        delete from public.voicememo_steps where chat_id = p_chat_id and message_id = p_message_id;
        delete from public.voicememo_events where chat_id = p_chat_id and message_id = p_message_id;
        delete from public.voicememo_dead_letters where chat_id = p_chat_id and message_id = p_message_id;
        perform public.voicememo_drop_turns(p_chat_id, p_message_id);
        update public.voicememo_memos
        set state = case when settled_at is null then 'ignored' else state end,
            reason = case when settled_at is null then 'forgotten' else reason end,
            facts = jsonb_strip_nulls(jsonb_build_object('who', p_who)),
            settled_at = coalesce(settled_at, moment),
            purged_at = moment,
            updated_at = moment,
            owner = null,
            lease_until = null,
            call = null,
            due_at = null,
            parked_sequence = null
        where chat_id = p_chat_id and message_id = p_message_id;
        return jsonb_build_object('answer', 'done');
    end if;
    raise exception 'the claim is no longer ours' using errcode = 'VM001';
end
$$;

-- Remove the row of a memo that was emptied.
create or replace function public.voicememo_remove(p_chat_id text, p_message_id text)
returns jsonb
language sql
set search_path = ''
set lock_timeout = '5s'
as $$
    delete from public.voicememo_memos
    where chat_id = p_chat_id and message_id = p_message_id and purged_at is not null;
    select jsonb_build_object('answer', 'done')
$$;

-- Give letters of events that are no memo, written so long ago, without what they say; the oldest first.
create or replace function public.voicememo_old_letters(p_seconds double precision, p_limit integer)
returns json
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return json_build_object('answer', coalesce((
        select json_agg(public.voicememo_letter(letter, false) order by number)
        from (
            select old, row_number() over (order by at, sequence) as number
            from public.voicememo_dead_letters as old
            where chat_id is null and at < moment - make_interval(secs => p_seconds)
            order by number limit p_limit
        ) as late (letter, number)
    ), '[]'));
end
$$;

-- Give, in the same way, those whose event has these bytes (in base64) in its value, its key or a header.
create or replace function public.voicememo_letters_with(p_word text, p_limit integer)
returns json
language sql
stable
set search_path = ''
as $$
    select json_build_object('answer', coalesce(
        json_agg(public.voicememo_letter(letter, false) order by sequence), '[]'
    ))
    from (
        select sequence, letter from public.voicememo_dead_letters as letter
        where chat_id is null and (
            position(decode(p_word, 'base64') in event_value) > 0
            or position(decode(p_word, 'base64') in event_key) > 0
            or exists (
                select from jsonb_array_elements(event_headers) as headers (header)
                where position(decode(p_word, 'base64') in decode(header ->> 1, 'base64')) > 0
            )
        )
        order by sequence limit p_limit
    ) as found
$$;

-- Delete the letter of the event that stood there, whether or not the topic has it.
create or replace function public.voicememo_drop_letter(p_topic text, p_partition integer, p_offset bigint)
returns jsonb
language sql
set search_path = ''
set lock_timeout = '5s'
as $$
    delete from public.voicememo_dead_letters
    where topic = p_topic and partition = p_partition and "offset" = p_offset;
    select jsonb_build_object('answer', 'done')
$$;

-- Name memos of which the ledger knows nothing more, and that have turns so old.
create or replace function public.voicememo_old_turns(p_seconds double precision, p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(jsonb_build_array(chat_id, message_id) order by number)
        from (
            select
                chat_id, message_id,
                row_number() over (order by chat_id collate "C", message_id collate "C") as number
            from public.voicememo_messages as turn
            where at < moment - make_interval(secs => p_seconds)
                and not exists (
                    select from public.voicememo_memos as memo
                    where memo.chat_id = turn.chat_id and memo.message_id = turn.message_id
                        and memo.purged_at is null
                )
            group by chat_id, message_id
            order by number limit p_limit
        ) as old
    ), '[]'));
end
$$;

-- Supabase lets everybody call a new function; these are for the worker alone.
do $$
declare
    one regprocedure;
begin
    for one in
        select oid::regprocedure from pg_proc
        where pronamespace = 'public'::regnamespace and proname like 'voicememo\_%'
    loop
        execute format('revoke all on function %s from public, anon, authenticated', one);
        execute format('grant execute on function %s to service_role', one);
    end loop;
end
$$;

notify pgrst, 'reload schema';

insert into public.voicememo_schema_versions (version) values (7) on conflict do nothing;

commit;
