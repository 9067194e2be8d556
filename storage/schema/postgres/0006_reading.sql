-- The ledger: what it tells, and who may ask it anything at all.

begin;

-- Name parked memos of these partitions that are due, free, and behind no other; the longest due first.
create or replace function public.voicememo_due(p_topic text, p_partitions integer[], p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(jsonb_build_array(chat_id, message_id, topic, partition, "offset") order by number)
        from (
            select
                memo.chat_id, memo.message_id, event.topic, event.partition, event."offset",
                row_number() over (
                    order by due_at, parked_sequence nulls first, memo.chat_id collate "C", memo.message_id collate "C"
                ) as number
            from public.voicememo_memos as memo
            join public.voicememo_events as event
                on event.chat_id = memo.chat_id and event.message_id = memo.message_id
            where memo.due_at <= moment and (memo.lease_until is null or memo.lease_until <= moment)
                and event.topic = p_topic and event.partition = any(p_partitions)
                and not exists (
                    select from public.voicememo_memos as earlier
                    where earlier.chat_id = memo.chat_id and earlier.parked_sequence < memo.parked_sequence
                )
            order by number limit p_limit
        ) as due
    ), '[]'));
end
$$;

-- Give the event that brought a memo: its own, else that of its newest letter, else null.
create or replace function public.voicememo_event(p_chat_id text, p_message_id text)
returns json
language sql
stable
set search_path = ''
as $$
    select json_build_object(
        'answer', (
            select json_build_object(
                'topic', topic, 'partition', partition, 'offset', "offset", 'at', public.voicememo_seconds(at),
                'headers', headers, 'key', encode(key, 'base64'), 'value', encode(value, 'base64')
            )
            from (
                select 0 as age, topic, partition, "offset", at, headers, key, value
                from public.voicememo_events where chat_id = p_chat_id and message_id = p_message_id
                union all (
                    select 1, topic, partition, "offset", event_at, event_headers, event_key, event_value
                    from public.voicememo_dead_letters
                    where chat_id = p_chat_id and message_id = p_message_id
                    order by sequence desc limit 1
                )
                order by age limit 1
            ) as newest
        )
    )
$$;

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

-- Tell the stories of a message id.
create or replace function public.voicememo_find(p_message_id text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    return jsonb_build_object('answer', coalesce((
        select jsonb_agg(public.voicememo_story(memo, moment, true) order by memo.chat_id collate "C")
        from public.voicememo_memos as memo where memo.message_id = p_message_id
    ), '[]'));
end
$$;

-- Tell, without their steps, of memos that failed, are parked, or are nobody's; the newest first.
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
            order by number limit p_limit
        ) as waiting (memo, number)
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

insert into public.voicememo_schema_versions (version) values (6) on conflict do nothing;

commit;
