-- SPDX-License-Identifier: Apache-2.0
-- For coro_lua: coroutines that fail, are resumed in vain, closed, within one another: what it does
-- is counted by itself. One that is `gone` was closed, collected, or is there at the end.
local made, resumes, finished, failed = 0, 0, 0, 0

local function create(body)
	made = made + 1
	return coroutine.create(body)
end

-- Each of these resumes runs something.
local function resume(thread, ...)
	resumes = resumes + 1
	local ok, value = coroutine.resume(thread, ...)
	if not ok then
		failed = failed + 1
	elseif coroutine.status(thread) == "dead" then
		finished = finished + 1
	end
	return ok, value
end

-- None of these does.
local function in_vain(thread)
	local ok = coroutine.resume(thread)
	assert(not ok)
end

local function yielding()
	block(96331)
	coroutine.yield()
	block(96331)
end

local function failing()
	block(96331)
	error("on purpose")
end

local cases = {}

-- Who has ended, has failed, runs, or has resumed another one, can't be resumed.
function cases.vain()
	local thread = create(yielding)
	resume(thread)
	resume(thread)
	in_vain(thread)
	in_vain(thread)
	thread = create(failing)
	resume(thread)
	in_vain(thread)
	local outer
	outer = create(function()
		in_vain(coroutine.running())
		local inner = create(function()
			in_vain(outer)
			in_vain(coroutine.running())
			coroutine.yield()
			in_vain(outer)
		end)
		resume(inner)
		coroutine.yield()
		resume(inner)
	end)
	resume(outer)
	resume(outer)
	in_vain(outer)
end

-- Errors that are caught within one, that go from one into the other, and yields across pcall.
function cases.errors()
	local thread = create(function()
		assert(not pcall(failing))
		assert(not pcall(function() coroutine.yield() failing() end))
		assert(select("#", xpcall(failing, function() block(96331) return 1 end)) == 2)
		coroutine.yield()
	end)
	for _ = 1, 3 do
		resume(thread)
	end
	-- wrap passes the error on, through two that do not catch it.
	thread = create(function()
		local inner = coroutine.wrap(function()
			local innermost = coroutine.wrap(failing)
			made, resumes, failed = made + 1, resumes + 1, failed + 1
			innermost()
		end)
		made, resumes, failed = made + 1, resumes + 1, failed + 1
		inner()
	end)
	resume(thread)
	-- … and one that does.
	thread = create(function()
		local inner = coroutine.wrap(failing)
		made, resumes, failed = made + 1, resumes + 1, failed + 1
		assert(not pcall(inner))
		coroutine.yield()
		block(96331)
	end)
	resume(thread)
	resume(thread)
	-- Errors that are no strings, in a metamethod, in a sort, in a gsub.
	for _, body in ipairs({
		function() error({}) end,
		function() return setmetatable({}, {__index = failing}).x end,
		function() table.sort({3, 2, 1}, failing) end,
		function() string.gsub("a", "a", failing) end,
		function() coroutine.wrap(function() end)() wait() error(nil) end,
	}) do
		thread = create(body)
		resume(thread)
		if coroutine.status(thread) == "suspended" then
			made, resumes, finished = made + 1, resumes + 1, finished + 1
			resume(thread)
		end
	end
	-- An iterator.
	made, resumes, finished = made + 1, resumes + 4, finished + 1
	for _ in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do
		block(95331)
	end
end

-- Closed before it runs, while it waits, with variables to be closed that fail or yield; twice.
function cases.close()
	local function closing(what)
		return function()
			local guard <close> = setmetatable({}, {__close = what})
			coroutine.yield()
		end
	end
	local closed = 0
	coroutine.close(create(yielding))
	for _, what in ipairs({function() closed = closed + 1 end, error}) do
		local thread = create(closing(what))
		resume(thread)
		coroutine.close(thread)
		coroutine.close(thread)
		in_vain(thread)
	end
	-- By its end, which yields.
	local thread = create(closing(function() coroutine.yield() closed = closed + 1 end))
	resume(thread)
	resume(thread)
	resume(thread)
	-- By an error.
	thread = create(function()
		local guard <close> = setmetatable({}, {__close = function() closed = closed + 1 end})
		failing()
	end)
	resume(thread)
	coroutine.close(thread)
	-- By another one, within which it is not.
	thread = create(yielding)
	resume(thread)
	resume(create(function() coroutine.close(thread) end))
	assert(closed == 3, closed)
end

-- As deep as Lua allows: the innermost fails before it has called anything.
function cases.deep()
	local depth, deepest = 0, 0
	local function body()
		depth = depth + 1
		deepest = math.max(depth, deepest)
		local ok, message = coroutine.resume(coroutine.create(body))
		assert(ok or tostring(message):find("overflow"), message)
		depth = depth - 1
	end
	body()
	made, resumes = deepest, deepest
	finished, failed = deepest - 1, 1
end

-- When Lua's own stack is full: one that can't be resumed now can be later.
function cases.full()
	local fresh, waiting = create(yielding), create(yielding)
	local tried = 0
	local function deeper()
		return string.gsub("a", "a", deeper)
	end
	resume(waiting)
	xpcall(deeper, function()
		for _, thread in ipairs({fresh, waiting}) do
			local ok, message = coroutine.resume(thread)
			tried = tried + (not ok and message:find("overflow") and 1 or 0)
		end
	end)
	assert(tried == 2 and coroutine.status(fresh) == "suspended")
	resume(fresh)
	resume(waiting)
	resume(fresh)
end

-- C resumes within a coroutine, in a state of its own within a coroutine.
function cases.within()
	local thread = create(function()
		made = made + 1
		resumes = resumes + host(function() wait() coroutine.yield() block(96331) end)
		finished = finished + 1
		coroutine.yield()
		state("local t = coroutine.wrap(function() block(96331) coroutine.yield() end) " ..
			"t() t() local u = coroutine.create(error) coroutine.resume(u) " ..
			"coroutine.wrap(coroutine.yield)()")
		made, resumes, finished, failed = made + 3, resumes + 4, finished + 1, failed + 1
	end)
	resume(thread)
	resume(thread)
	-- One that C uses again after lua_resetthread.
	local times = again(yielding)
	made, resumes, finished = made + times, resumes + 2 * times, finished + times
end

-- What is not resumed any more is collected, also in the middle of others.
function cases.collected()
	for _ = 1, 50 do
		resume(create(yielding))
		create(yielding)
	end
	resume(create(function()
		collectgarbage()
		collectgarbage()
		coroutine.wrap(function() collectgarbage() end)()
		made, resumes, finished = made + 1, resumes + 1, finished + 1
	end))
end

cases[arg[1]]()
print(string.format('{"created": %d, "switches": %d, "finished": %d, "failed": %d, "gone": %d}',
	made, resumes, finished, failed, made - finished - failed))
